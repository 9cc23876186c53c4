//! What is shown while the bots play on a terminal: a screen that is drawn again and again.
//!
//! It is drawn on standard error, so that the report alone is on standard output. A terminal that is
//! gone ends no run: then nothing is shown.

use std::io::{self, IsTerminal, Write};

use ratatui::backend::{Backend, ClearType, CrosstermBackend};
use ratatui::layout::Rect;
use ratatui::{Terminal, TerminalOptions, Viewport};

use crate::status::Status;

mod graphs;
mod keys;
mod layout;
mod palette;
mod parts;
mod progress;
mod terminal;
mod text;
mod times;
mod view;

use palette::Palette;
use terminal::Output;

/// A screen on standard error.
pub(crate) struct Dashboard {
    /// While it is on the terminal.
    drawn: Option<Terminal<CrosstermBackend<Output>>>,
    size: Rect,
    /// The terminal is gone, or somebody has given it back.
    is_over: bool,
    /// Keys that end the run, and that nobody has asked for yet.
    stops: usize,
    said: String,
    palette: Palette,
}

impl Dashboard {
    /// One that comes on the terminal when it is first shown.
    pub(crate) fn new() -> Self {
        Self {
            drawn: None,
            size: Rect::ZERO,
            is_over: false,
            stops: 0,
            said: String::new(),
            palette: Palette::of_environment(),
        }
    }

    /// Whether there is a terminal that can show it and whose keys are ours.
    pub(crate) fn is_possible() -> bool {
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let are_terminals = io::stderr().is_terminal() && io::stdin().is_terminal();
        are_terminals && !is_dumb && terminal::is_in_foreground()
    }

    pub(crate) fn show(&mut self, status: &Status<'_>) {
        self.unless_over(|dashboard| dashboard.draw(status));
    }

    /// Shows a line until there is another one; it stays on the terminal where the dashboard is not there.
    pub(crate) fn say(&mut self, line: &str) {
        line.clone_into(&mut self.said);
        if !terminal::is_taken() {
            // A terminal that is gone hears nothing.
            let _ = writeln!(io::stderr(), "{line}");
        }
    }

    /// Whether somebody has pressed a key that ends the run: once for each time that it was pressed.
    pub(crate) fn wants_to_stop(&mut self) -> bool {
        if self.drawn.is_some() {
            self.stops += self.unless_over(|_| keys::stops()).unwrap_or(0);
        }
        let wants = self.stops > 0;
        self.stops -= usize::from(wants);
        wants
    }

    /// Leaves the terminal as it was.
    pub(crate) fn close(&mut self) {
        terminal::give_back();
        self.drawn = None;
        self.said.clear();
    }

    /// Does something with the terminal. After a failure there is none any more.
    fn unless_over<T>(&mut self, act: impl FnOnce(&mut Self) -> io::Result<T>) -> Option<T> {
        // Also a thread that panics gives it back: what it says is to be read.
        self.is_over |= self.drawn.is_some() && !terminal::is_taken();
        if self.is_over {
            return None;
        }
        let done = act(self);
        if done.is_err() {
            self.is_over = true;
            self.close();
        }
        done.ok()
    }

    fn draw(&mut self, status: &Status<'_>) -> io::Result<()> {
        let size = terminal::size()?;
        if self.drawn.is_none() {
            terminal::take()?;
        }
        let drawn = match &mut self.drawn {
            Some(drawn) if self.size == size => drawn,
            outdated => outdated.insert(blank(size)?),
        };
        self.size = size;
        drawn.draw(|frame| view::draw(frame, status, &self.said, self.palette))?;
        Ok(())
    }
}

impl Drop for Dashboard {
    fn drop(&mut self) {
        self.close();
    }
}

/// A screen of this size with nothing on it. That its size is given keeps others from asking for it
/// in their ways, which include to run programs.
fn blank(size: Rect) -> io::Result<Terminal<CrosstermBackend<Output>>> {
    let mut backend = CrosstermBackend::new(Output::default());
    backend.clear_region(ClearType::All)?;
    Terminal::with_options(backend, TerminalOptions { viewport: Viewport::Fixed(size) })
}

#[cfg(test)]
mod tests;
