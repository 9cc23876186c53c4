//! The terminal: taken for the dashboard, and given back however the run ends.

use std::io::{self, Write};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::layout::Rect;
use rustix::process::getpgrp;
use rustix::termios::{tcgetpgrp, tcgetwinsize};
use tokio::signal::unix::{SignalKind, signal};

/// What a shell gives for a program that SIGTERM has ended.
const TERMINATED: i32 = 143;
/// The size of a terminal that does not know its own.
const SIZE_DEFAULT: (u16, u16) = (80, 24);

/// Whether the dashboard has the terminal. It changes and is read under the lock of standard error, so
/// that nothing is drawn once the terminal was given back, by whichever thread.
static IS_TAKEN: AtomicBool = AtomicBool::new(false);

pub(super) fn is_taken() -> bool {
    IS_TAKEN.load(Ordering::SeqCst)
}

/// Whether this process may use the terminal: one in the background would be stopped for it.
pub(super) fn is_in_foreground() -> bool {
    // Without jobs there is no background.
    tcgetpgrp(io::stderr()).map_or(true, |foreground| foreground == getpgrp())
}

pub(super) fn size() -> io::Result<Rect> {
    let size = tcgetwinsize(io::stderr())?;
    let (columns, rows) = match (size.ws_col, size.ws_row) {
        (0, _) | (_, 0) => SIZE_DEFAULT,
        known => known,
    };
    Ok(Rect::new(0, 0, columns, rows))
}

/// Takes the terminal: keys come at once and unseen, and what was on the screen stays below.
pub(super) fn take() -> io::Result<()> {
    static PANICS: Once = Once::new();
    PANICS.call_once(give_back_on_panic);
    give_back_on_signals()?;
    enable_raw_mode()?;
    let mut stderr = io::stderr().lock();
    IS_TAKEN.store(true, Ordering::SeqCst);
    execute!(stderr, EnterAlternateScreen, Hide)
}

/// Gives the terminal back as it was, if it was taken.
pub(super) fn give_back() {
    let mut stderr = io::stderr().lock();
    if IS_TAKEN.swap(false, Ordering::SeqCst) {
        // A terminal that is gone needs nothing of this.
        let _ = execute!(stderr, Show, LeaveAlternateScreen);
        let _ = disable_raw_mode();
    }
}

/// What a panic says is to be read on the screen that stays.
fn give_back_on_panic() {
    let earlier = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        give_back();
        earlier(panic);
    }));
}

/// SIGTERM ends the process as ever, but first the terminal is given back; SIGHUP ends it no more.
fn give_back_on_signals() -> io::Result<()> {
    // It is caught from now on, whether somebody listens or not.
    drop(signal(SignalKind::hangup())?);
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::spawn(async move {
        if terminate.recv().await.is_some() {
            give_back();
            std::process::exit(TERMINATED);
        }
    });
    Ok(())
}

/// Standard error, to which a drawing goes whole, as long as the terminal is ours. It never fails: a
/// terminal that is gone is not ours any more.
#[derive(Default)]
pub(super) struct Output {
    drawing: Vec<u8>,
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.drawing.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let mut stderr = io::stderr().lock();
        if is_taken() && stderr.write_all(&self.drawing).is_err() {
            give_back();
        }
        self.drawing.clear();
        Ok(())
    }
}
