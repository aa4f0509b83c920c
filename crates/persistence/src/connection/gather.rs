//! Many callers, one statement: what comes while a server far away is busy is sent to it together.

use std::{
    collections::VecDeque,
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::runtime::Handle;

use crate::{Error, Result};

/// How many jobs may wait.
const LENGTH: usize = 4096;

/// Who serves what was gathered.
pub(crate) trait Serve: Send + Sync + 'static {
    /// What one caller wants, with the way to answer it.
    type Job: Send + 'static;

    /// Takes from those that wait what can be served together, or drops some that nobody wants any
    /// more; or leaves them all to a lane that is at work.
    fn pick(&self, waiting: &mut VecDeque<Self::Job>) -> Vec<Self::Job>;

    /// Serves them, and answers each.
    fn serve(&self, jobs: Vec<Self::Job>) -> impl Future<Output = ()> + Send;
}

/// A few lanes to the server. A job takes a free one at once; while all are at work jobs wait, and
/// the next lane that comes free takes along whatever fits together.
pub(crate) struct Gather<S: Serve>(Arc<Inner<S>>);

struct Inner<S: Serve> {
    server: S,
    lanes: usize,
    /// Where the lanes are: one caller's runtime may end while others wait.
    runtime: Handle,
    line: Mutex<Line<S::Job>>,
}

struct Line<J> {
    waiting: VecDeque<J>,
    at_work: usize,
}

impl<S: Serve> Gather<S> {
    /// Lanes on the runtime that this is called on.
    pub(crate) fn new(server: S, lanes: usize) -> Self {
        let runtime = Handle::current();
        let line = Mutex::new(Line { waiting: VecDeque::new(), at_work: 0 });
        Self(Arc::new(Inner { server, lanes, runtime, line }))
    }

    /// Sees to it that a job is served.
    ///
    /// # Errors
    /// [`Error::Busy`] when too many wait already.
    pub(crate) fn give(&self, job: S::Job) -> Result<()> {
        let mut line = self.0.line();
        if line.waiting.len() >= LENGTH {
            return Err(Error::Busy { waiting: LENGTH });
        }
        line.waiting.push_back(job);
        if line.at_work < self.0.lanes {
            line.at_work += 1;
            drop(line);
            let lane = Lane { inner: Arc::clone(&self.0), ended: false };
            self.0.runtime.spawn(lane.run());
        }
        Ok(())
    }
}

impl<S: Serve> Clone for Gather<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S: Serve> Inner<S> {
    fn line(&self) -> MutexGuard<'_, Line<S::Job>> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Serve> std::fmt::Debug for Gather<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gather").field("lanes", &self.0.lanes).finish_non_exhaustive()
    }
}

/// One that is at work.
struct Lane<S: Serve> {
    inner: Arc<Inner<S>>,
    ended: bool,
}

impl<S: Serve> Lane<S> {
    async fn run(mut self) {
        loop {
            let jobs = self.next();
            if jobs.is_empty() {
                return;
            }
            self.inner.server.serve(jobs).await;
        }
    }

    /// What is to be done next; nothing ends the lane.
    fn next(&mut self) -> Vec<S::Job> {
        let mut line = self.inner.line();
        let mut left = usize::MAX;
        // Where all that wait have to wait for another lane, that lane takes them up.
        while (1..left).contains(&line.waiting.len()) {
            left = line.waiting.len();
            let jobs = self.inner.server.pick(&mut line.waiting);
            if !jobs.is_empty() {
                return jobs;
            }
        }
        line.at_work -= 1;
        self.ended = true;
        Vec::new()
    }
}

impl<S: Serve> Drop for Lane<S> {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        // It was ended from outside. Nobody waits for a lane that is not there.
        let mut line = self.inner.line();
        line.at_work -= 1;
        if line.at_work == 0 {
            line.waiting.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::{mpsc, oneshot};

    use super::*;

    /// Serves even and odd numbers apart, each time only after it was let.
    struct Halves {
        let_go: tokio::sync::Mutex<mpsc::Receiver<()>>,
        served: mpsc::UnboundedSender<Vec<u32>>,
    }

    struct Number(u32, oneshot::Sender<u32>);

    impl Serve for Halves {
        type Job = Number;

        fn pick(&self, waiting: &mut VecDeque<Number>) -> Vec<Number> {
            let parity = waiting.front().map(|Number(number, _)| number % 2);
            let (mine, others): (Vec<_>, Vec<_>) =
                waiting.drain(..).partition(|Number(number, _)| Some(number % 2) == parity);
            *waiting = others.into();
            mine
        }

        async fn serve(&self, jobs: Vec<Number>) {
            self.let_go.lock().await.recv().await.expect("leave to go on");
            self.served.send(jobs.iter().map(|Number(number, _)| *number).collect()).unwrap();
            for Number(number, reply) in jobs {
                assert_ne!(number, 13, "unlucky");
                let _ = reply.send(number);
            }
        }
    }

    fn halves() -> (Gather<Halves>, mpsc::Sender<()>, mpsc::UnboundedReceiver<Vec<u32>>) {
        let (leave, let_go) = mpsc::channel(10);
        let (served, seen) = mpsc::unbounded_channel();
        (Gather::new(Halves { let_go: let_go.into(), served }, 1), leave, seen)
    }

    fn ask(gather: &Gather<Halves>, number: u32) -> oneshot::Receiver<u32> {
        let (reply, answer) = oneshot::channel();
        gather.give(Number(number, reply)).unwrap();
        answer
    }

    #[tokio::test]
    async fn what_comes_while_the_lane_is_busy_is_served_together_where_it_fits() {
        let (gather, leave, mut seen) = halves();
        let first = ask(&gather, 1);
        tokio::task::yield_now().await;
        let answers = [2, 4, 3, 6].map(|number| ask(&gather, number));
        for _ in 0..3 {
            leave.send(()).await.unwrap();
        }
        assert_eq!(first.await.unwrap(), 1);
        for (answer, number) in answers.into_iter().zip([2, 4, 3, 6]) {
            assert_eq!(answer.await.unwrap(), number);
        }
        let mut served = Vec::new();
        while let Ok(jobs) = seen.try_recv() {
            served.push(jobs);
        }
        assert_eq!(served, [vec![1], vec![2, 4, 6], vec![3]]);
        // The lane has ended; the next one begins.
        leave.send(()).await.unwrap();
        assert_eq!(ask(&gather, 8).await.unwrap(), 8);
    }

    #[tokio::test]
    async fn the_line_is_not_endless() {
        let (gather, leave, _seen) = halves();
        let first = ask(&gather, 1);
        tokio::task::yield_now().await;
        let waiting: Vec<_> = (0..LENGTH as u32).map(|number| ask(&gather, 2 * number)).collect();
        let (reply, _answer) = oneshot::channel();
        let refused = gather.give(Number(1, reply));
        assert!(matches!(refused, Err(Error::Busy { waiting: LENGTH })), "{refused:?}");
        for _ in 0..2 {
            leave.send(()).await.unwrap();
        }
        first.await.unwrap();
        assert_eq!(futures::future::join_all(waiting).await.len(), LENGTH);
    }

    #[tokio::test]
    async fn a_lane_that_is_lost_leaves_nobody_waiting() {
        let (gather, leave, _seen) = halves();
        let unlucky = ask(&gather, 13);
        tokio::task::yield_now().await;
        let behind = ask(&gather, 2);
        leave.send(()).await.unwrap();
        assert!(unlucky.await.is_err());
        assert!(behind.await.is_err());
        leave.send(()).await.unwrap();
        assert_eq!(ask(&gather, 4).await.unwrap(), 4);
    }
}
