//! A command as a process group of its own: fed, listened to, and killed as a whole.

use std::{
    ffi::OsString,
    io,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    process::{Child, ChildStdin, Command},
    time::timeout,
};

/// The most that a command may write to standard output.
pub(super) const OUTPUT_BYTES: usize = 1 << 20;
/// How much of the end of standard error is kept.
const ERROR_BYTES: usize = 1 << 16;
/// How long to go on listening when a command has ended and left others behind that can still write.
const LINGER: Duration = Duration::from_secs(1);

/// A command that runs. Dropping it kills it, and all that it started.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    group: Option<Pid>,
    input: Vec<u8>,
}

/// A command that has ended.
#[derive(Debug, Clone)]
pub(super) struct Finished {
    pub(super) status: ExitStatus,
    /// What it wrote to standard output.
    pub(super) output: Vec<u8>,
    /// The end of what it wrote to standard error.
    pub(super) errors: Vec<u8>,
    /// Whether it was killed since it wrote too much.
    pub(super) too_much: bool,
}

impl Process {
    /// Starts a program with its arguments, and with these variables besides the worker's own.
    pub(super) fn start(
        command: &[OsString],
        environment: impl IntoIterator<Item = (&'static str, String)>,
        input: Vec<u8>,
    ) -> io::Result<Self> {
        let Some((program, arguments)) = command.split_first() else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "there is no command"));
        };
        let child = Command::new(program)
            .args(arguments)
            .envs(environment)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // A group of its own: Ctrl-C is for the worker, and a kill is for all of the group.
            .process_group(0)
            .spawn()?;
        let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        Ok(Self { child, group, input })
    }

    /// Waits until it has ended, with what it wrote.
    pub(super) async fn finish(mut self) -> io::Result<Finished> {
        let (mut output, mut errors) = (Vec::new(), Vec::new());
        let input = std::mem::take(&mut self.input);
        let feeding = feed(self.child.stdin.take(), input);
        let listening = take(self.child.stdout.take(), &mut output);
        let overhearing = keep_end(self.child.stderr.take(), &mut errors);
        let (status, too_much) = {
            let talk = async { tokio::try_join!(feeding, listening, overhearing).is_err() };
            tokio::pin!(talk);
            tokio::select! {
                too_much = &mut talk => {
                    if too_much {
                        self.kill();
                    }
                    (self.child.wait().await?, too_much)
                }
                status = self.child.wait() => {
                    let status = status?;
                    let heard = timeout(LINGER, &mut talk).await;
                    if heard.is_err() {
                        self.kill();
                    }
                    (status, heard.unwrap_or(false))
                }
            }
        };
        self.group = None;
        Ok(Finished { status, output, errors, too_much })
    }

    fn kill(&self) {
        if let Some(group) = self.group {
            // The error is that there is nobody left.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// It wrote more than it may.
struct TooMuch;

/// Writes all of the input. A command need not read it.
async fn feed(pipe: Option<ChildStdin>, input: Vec<u8>) -> Result<(), TooMuch> {
    if let Some(mut pipe) = pipe
        && let Err(error) = pipe.write_all(&input).await
    {
        tracing::debug!(%error, "the command does not read its input");
    }
    Ok(())
}

async fn take(pipe: Option<impl AsyncRead + Unpin>, text: &mut Vec<u8>) -> Result<(), TooMuch> {
    let Some(pipe) = pipe else { return Ok(()) };
    // What cannot be read any more has ended.
    let _ = pipe.take(OUTPUT_BYTES as u64 + 1).read_to_end(text).await;
    if text.len() > OUTPUT_BYTES { Err(TooMuch) } else { Ok(()) }
}

async fn keep_end(pipe: Option<impl AsyncRead + Unpin>, text: &mut Vec<u8>) -> Result<(), TooMuch> {
    let Some(mut pipe) = pipe else { return Ok(()) };
    while let Ok(1..) = pipe.read_buf(text).await {
        if text.len() > 2 * ERROR_BYTES {
            text.drain(..text.len() - ERROR_BYTES);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    fn start(script: &str, input: &[u8]) -> Process {
        let command = ["sh", "-c", script].map(OsString::from);
        Process::start(&command, [("PHASELINE_TASK_ID", "7".to_owned())], input.to_vec()).unwrap()
    }

    async fn ran(script: &str, input: &[u8]) -> Finished {
        start(script, input).finish().await.unwrap()
    }

    #[tokio::test]
    async fn a_command_reads_its_input_and_is_heard() {
        let finished = ran("cat; echo $PHASELINE_TASK_ID; echo oops >&2; exit 3", b"in\n").await;
        assert_eq!(finished.status.code(), Some(3));
        assert_eq!((finished.output, finished.errors), (b"in\n7\n".to_vec(), b"oops\n".to_vec()));
        assert!(!finished.too_much);
    }

    #[tokio::test]
    async fn input_that_nobody_reads_is_no_failure() {
        let finished = ran("exec 0<&-; echo done", &vec![b'x'; 1 << 20]).await;
        assert!(finished.status.success());
        assert_eq!(finished.output, b"done\n");
    }

    #[tokio::test]
    async fn a_command_that_writes_without_end_is_killed() {
        let finished = ran("yes", b"").await;
        assert!(finished.too_much && !finished.status.success());
        let fits = ran("head -c 1048576 /dev/zero", b"").await;
        assert!(!fits.too_much);
        assert_eq!(fits.output.len(), OUTPUT_BYTES);
    }

    #[tokio::test]
    async fn of_many_errors_the_end_is_kept() {
        let finished = ran("yes | head -c 1000000 >&2; echo the end >&2", b"").await;
        assert!(finished.errors.len() <= 2 * ERROR_BYTES);
        assert!(finished.errors.ends_with(b"the end\n"));
    }

    #[tokio::test]
    async fn what_a_command_leaves_behind_does_not_hold_it_up() {
        let began = Instant::now();
        let finished = ran("echo done; sleep 60 &", b"").await;
        assert!(finished.status.success());
        assert_eq!(finished.output, b"done\n");
        assert!(began.elapsed() < Duration::from_secs(30));
    }

    #[tokio::test]
    async fn dropping_it_kills_all_that_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("late");
        let script = format!("(sleep 1; touch {}) & sleep 60", file.display());
        let running = start(&script, b"");
        assert!(timeout(Duration::from_millis(200), running.finish()).await.is_err());
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        assert!(!file.exists());
    }

    #[test]
    fn a_program_that_is_not_there_is_an_error() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let _inside = runtime.enter();
        let refusal = Process::start(&[OsString::from("/no/such")], [], Vec::new()).unwrap_err();
        assert_eq!(refusal.kind(), io::ErrorKind::NotFound);
    }
}
