//! The floors of the program against a server that has nothing of ours.

use super::{Bench, Plan};
use crate::bench::{
    http::Http,
    load::{Generator, Script},
    world::{Kind, Place, Program},
};

/// As long as a ticket.
const BYTES: usize = 800;

/// `hello` of this server and a bare one's, so that a slow floor is seen.
pub(super) fn run(bench: &mut Bench) -> anyhow::Result<()> {
    let place = Place::fresh(Kind::Sqlite, None)?;
    let (program, bare) = (Program::start(&place, &[])?, Program::bare(BYTES)?);
    let path = format!("/floor/hello/{BYTES}");
    let [ours, theirs] = [&program, &bare].map(|server| Generator::new(&server.address));
    let (ours, theirs) = (ours?, theirs?);
    let [mine, other] = [&program, &bare].map(|server| {
        let mut http = Http::connect(&server.address)?;
        Ok::<_, anyhow::Error>(http.get(&path)?.len())
    });
    let (mine, other) = (mine?, other?);
    anyhow::ensure!(mine == other, "hello is {mine} bytes long, and a bare answer {other}");
    let lines = [path];
    for &connections in bench.connections(&[16, 64]) {
        let plan = Plan {
            name: format!("the floor hello, {BYTES} bytes"),
            database: "",
            connections,
            against: "a bare actix-web server".to_owned(),
            goal: None,
            note: "",
        };
        bench.alternate(
            plan,
            |seconds| Ok(theirs.run(Script::Requests, &lines, connections, seconds)?.rate()),
            |seconds| ours.run(Script::Requests, &lines, connections, seconds),
        )?;
    }
    program.stop()
}
