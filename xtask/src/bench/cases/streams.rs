//! The event stream: how soon an event arrives, and what many readers cost those who write.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Instant,
};

use super::{Bench, Plan};
use crate::bench::{
    figure::{Target, percentile},
    http::Http,
    load::{Generator, Script},
    world::{Place, Program},
};

const EVENTS: usize = 300;
const STREAMS: usize = 1_000;

/// One event from its commit to an open stream, and a thousand open streams beside writers.
pub(super) fn run(bench: &mut Bench) -> anyhow::Result<()> {
    for kind in bench.databases() {
        let place = Place::fresh(kind, bench.postgres.as_deref())?;
        let program = Program::start(&place, &[])?;
        let plan = |name: &str, unit, target, against: &str| {
            let plan = Plan {
                name: name.to_owned(),
                database: kind.name(),
                connections: 0,
                against: against.to_owned(),
                target,
                note: "",
            };
            plan.figure(unit)
        };
        bench.progress.say("events that arrive");
        let times = arrivals(&program.address)?;
        let mut arrival = plan(
            "an event from the answer of its writer to a stream, p99",
            "ms",
            Target::AtMost(20.0),
            "",
        );
        arrival.subject.push(percentile(&times, 99));
        arrival.note = format!("p50 {:.2} ms", percentile(&times, 50));
        bench.keep(arrival);

        let load = Generator::new(&program.address)?;
        let lines = ["/api/v1/tickets\t{\"title\":\"Rotate the keys\"}".to_owned()];
        let streams = if bench.quick { STREAMS / 5 } else { STREAMS };
        let name = format!("tickets made beside {streams} open streams");
        let mut figure = plan(&name, "a second", Target::AtLeast(0.9), "without streams");
        let seconds = bench.seconds;
        for round in 0..bench.rounds {
            bench.progress.say(&format!("{name} ({}/{})", round + 1, bench.rounds));
            figure.floor.push(load.run(Script::Requests, &lines, 16, seconds)?.checked()?.rate());
            let readers = Readers::open(&program.address, streams)?;
            figure.subject.push(load.run(Script::Requests, &lines, 16, seconds)?.checked()?.rate());
            readers.close()?;
        }
        figure.note = "all of them read everything, in the process that measures".to_owned();
        bench.keep(figure);
        program.stop()?;
    }
    Ok(())
}

/// Milliseconds from the answer of a writer to the event in a stream.
fn arrivals(address: &str) -> anyhow::Result<Vec<f64>> {
    let mut stream = BufReader::new(follow(address)?);
    let mut http = Http::connect(address)?;
    let mut times = Vec::with_capacity(EVENTS);
    for number in 0..EVENTS {
        let title = format!("number {number}");
        http.post("/api/v1/tickets", &format!("{{\"title\":\"{title}\",\"key\":\"K{number}\"}}"))?;
        let began = Instant::now();
        let wanted = format!("\"K{number}\"");
        let mut line = String::new();
        while !line.contains(&wanted) {
            line.clear();
            stream.read_line(&mut line)?;
        }
        times.push(began.elapsed().as_secs_f64() * 1e3);
    }
    Ok(times)
}

fn follow(address: &str) -> anyhow::Result<TcpStream> {
    let mut stream = TcpStream::connect(address)?;
    let request = "GET /api/v1/events?after=latest HTTP/1.1\r\nHost: phaseline\r\n\
                   Accept: text/event-stream\r\n\r\n";
    stream.write_all(request.as_bytes())?;
    Ok(stream)
}

/// Open streams that somebody reads.
struct Readers {
    over: &'static AtomicBool,
    thread: thread::JoinHandle<anyhow::Result<()>>,
}

impl Readers {
    fn open(address: &str, count: usize) -> anyhow::Result<Self> {
        let over: &'static AtomicBool = Box::leak(Box::default());
        let address = address.to_owned();
        let (ready, opened) = std::sync::mpsc::channel();
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async move {
                let mut reading = tokio::task::JoinSet::new();
                for _ in 0..count {
                    let stream = follow(&address)?;
                    stream.set_nonblocking(true)?;
                    let stream = tokio::net::TcpStream::from_std(stream)?;
                    reading.spawn(async move {
                        let mut buffer = vec![0; 1 << 16];
                        while let Ok(()) = stream.readable().await {
                            match stream.try_read(&mut buffer) {
                                Ok(0) => break,
                                Err(error) if error.kind() != std::io::ErrorKind::WouldBlock => {
                                    break;
                                }
                                _ => {}
                            }
                        }
                    });
                }
                let _ = ready.send(());
                while !over.load(Ordering::Relaxed) {
                    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                }
                Ok(())
            })
        });
        opened.recv()?;
        Ok(Self { over, thread })
    }

    fn close(self) -> anyhow::Result<()> {
        self.over.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| anyhow::anyhow!("the readers panicked"))?
    }
}
