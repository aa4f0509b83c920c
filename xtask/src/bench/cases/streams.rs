//! The event stream: how soon an event arrives, and what many readers cost those who write.

use std::{
    io::{BufRead, BufReader, Read as _, Write},
    net::TcpStream,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use rustix::{
    io::Errno,
    net::{RecvFlags, recv},
    time::{ClockId, clock_gettime},
};

use super::{Bench, Plan};
use crate::bench::{
    figure::percentile,
    http::Http,
    load::{Generator, Script},
    targets::Goal,
    world::{Place, Program},
};

const EVENTS: usize = 300;
const STREAMS: usize = 1_000;
/// How often a reader takes what has come.
const READ_EVERY: Duration = Duration::from_millis(50);

/// One event from its commit to an open stream, and a thousand open streams beside writers.
pub(super) fn run(bench: &mut Bench) -> anyhow::Result<()> {
    for kind in bench.databases() {
        let place = Place::fresh(kind, bench.postgres.as_deref())?;
        let program = Program::start(&place, &[])?;
        let plan = |name: &str, unit, goal, against: &str| {
            let plan = Plan {
                name: name.to_owned(),
                database: kind.name(),
                connections: 0,
                against: against.to_owned(),
                goal: Some(goal),
                note: "",
            };
            plan.figure(unit)
        };
        bench.progress.say("events that arrive");
        let times = arrivals(&program.address)?;
        let mut arrival = plan(
            "an event from the answer of its writer to a stream, p99",
            "ms",
            Goal::Arrival,
            "",
        );
        arrival.subject.push(percentile(&times, 99));
        arrival.note = format!("p50 {:.2} ms", percentile(&times, 50));
        bench.keep(arrival);

        let load = Generator::new(&program.address)?;
        let lines = ["/api/v1/tickets\t{\"title\":\"Rotate the keys\"}".to_owned()];
        let streams = if bench.quick { STREAMS / 5 } else { STREAMS };
        let seconds = bench.seconds;
        for (wanted, query) in [
            ("want something else", "after=latest&types=agent.terminated"),
            ("want everything", "after=latest"),
        ] {
            let name = format!("tickets made beside {streams} streams that {wanted}");
            let mut figure = plan(&name, "a second", Goal::OpenStreams, "without streams");
            let mut read = Vec::new();
            for round in 0..bench.rounds {
                bench.progress.say(&format!("{name} ({}/{})", round + 1, bench.rounds));
                let made = || load.run(Script::Requests, &lines, 16, seconds)?.checked();
                figure.floor.push(made()?.rate());
                let readers = Readers::open(&program.address, query, streams)?;
                figure.subject.push(made()?.rate());
                let came = readers.close()?;
                // More than the heads of the answers.
                let little = came.bytes < streams * 1_000;
                anyhow::ensure!(query != "after=latest" || !little, "nothing came to the streams");
                read.push(came);
            }
            figure.note = note(&read);
            bench.keep(figure);
        }
        program.stop()?;
    }
    Ok(())
}

/// Milliseconds from the answer of a writer to the event in a stream.
fn arrivals(address: &str) -> anyhow::Result<Vec<f64>> {
    let mut stream = BufReader::new(follow(address, "after=latest")?);
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

/// What readers have read and what that cost, which the writers lose as well.
fn note(read: &[Read]) -> String {
    let of =
        |number: fn(&Read) -> f64| percentile(&read.iter().map(number).collect::<Vec<_>>(), 50);
    let bytes = of(|read| read.bytes as f64 / read.lasted.as_secs_f64() / 1e6);
    let cost = of(|read| read.cost.as_secs_f64() / read.lasted.as_secs_f64() * 100.0);
    format!("{bytes:.1} MB/s arrive; to take them is {cost:.1} % of a core, on this machine too")
}

fn follow(address: &str, query: &str) -> anyhow::Result<TcpStream> {
    let mut stream = TcpStream::connect(address)?;
    let request = format!(
        "GET /api/v1/events?{query} HTTP/1.1\r\nHost: phaseline\r\n\
         Accept: text/event-stream\r\n\r\n"
    );
    stream.write_all(request.as_bytes())?;
    Ok(stream)
}

/// Open streams that somebody reads, as cheaply as can be: what has come is taken a few times a
/// second and not looked at.
struct Readers {
    over: Arc<AtomicBool>,
    thread: thread::JoinHandle<anyhow::Result<Read>>,
}

/// What was read.
struct Read {
    bytes: usize,
    /// The time of the processor that it took.
    cost: Duration,
    lasted: Duration,
}

impl Readers {
    fn open(address: &str, query: &str, count: usize) -> anyhow::Result<Self> {
        let mut streams = Vec::with_capacity(count);
        for _ in 0..count {
            let mut stream = follow(address, query)?;
            // The first bytes of the answer: it is open.
            stream.read_exact(&mut [0; 12])?;
            stream.set_nonblocking(true)?;
            streams.push(stream);
        }
        let over = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&over);
        let thread = thread::spawn(move || {
            let (began, cost) = (Instant::now(), time_used());
            let mut bytes = 0;
            while !until.load(Ordering::Relaxed) {
                for stream in &streams {
                    bytes += take(stream)?;
                }
                thread::sleep(READ_EVERY);
            }
            Ok(Read { bytes, cost: time_used() - cost, lasted: began.elapsed() })
        });
        Ok(Self { over, thread })
    }

    fn close(self) -> anyhow::Result<Read> {
        self.over.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| anyhow::anyhow!("the readers panicked"))?
    }
}

/// Takes what has come, without a copy of it; how many bytes.
fn take(stream: &TcpStream) -> anyhow::Result<usize> {
    let mut nothing = [0_u8; 1 << 16];
    match recv(stream, &mut nothing, RecvFlags::TRUNC) {
        Ok((_, 0)) => anyhow::bail!("a stream ended"),
        Ok((_, bytes)) => Ok(bytes),
        Err(Errno::AGAIN) => Ok(0),
        Err(error) => Err(error.into()),
    }
}

fn time_used() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
}
