//! How things look: by the terminal's own colours, which are readable on its background.

use ratatui::style::{Color, Modifier, Style};

/// Styles, with colours or without.
#[derive(Clone, Copy)]
pub(super) struct Palette {
    pub(super) is_coloured: bool,
}

impl Palette {
    /// Without colours where nobody wants any: <https://no-color.org>.
    pub(super) fn of_environment() -> Self {
        let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { is_coloured: !no_colour }
    }

    fn colour(self, colour: Color) -> Style {
        if self.is_coloured { Style::new().fg(colour) } else { Style::new() }
    }

    /// Figures, in the colour of all text.
    pub(super) fn figure() -> Style {
        Style::new()
    }

    /// What figures are called, and what is not to catch the eye.
    pub(super) fn label() -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    pub(super) fn strong() -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// Bars.
    pub(super) fn bar(self) -> Style {
        self.colour(Color::Cyan)
    }

    pub(super) fn bad(self) -> Style {
        self.colour(Color::Red).add_modifier(Modifier::BOLD)
    }

    /// A figure that is to be 0.
    pub(super) fn trouble(self, count: u64) -> Style {
        if count == 0 { Self::figure() } else { self.bad() }
    }

    /// What must not be missed.
    pub(super) fn alarm(self) -> Style {
        self.bad().add_modifier(Modifier::REVERSED)
    }
}
