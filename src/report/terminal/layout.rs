//! Lines of styled text that never exceed their width.
//!
//! It knows columns and tones, nothing of what is written. All text comes in sanitized.

use anstyle::{AnsiColor, Style};

use crate::report::View;
use crate::report::text::{pad, shorten, to_ascii, width, wrap};

/// What a piece of text is for; the colour follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Plain,
    /// What hurts.
    Alarm,
    /// What the eye should find.
    Strong,
    /// Places to look things up.
    Dim,
    /// What weakens the conclusion.
    Warning,
}

impl Tone {
    fn style(self) -> Style {
        match self {
            Tone::Plain => Style::new(),
            Tone::Alarm => AnsiColor::Red.on_default().bold(),
            Tone::Strong => Style::new().bold(),
            Tone::Dim => Style::new().dimmed(),
            Tone::Warning => AnsiColor::Yellow.on_default().bold(),
        }
    }
}

type Line = Vec<(Tone, String)>;

/// A label, a text with hanging indent, and a place at the right margin.
#[derive(Clone, Debug)]
pub struct Paragraph<'t> {
    pub label: &'t str,
    pub label_tone: Tone,
    /// Column where the text begins.
    pub indent: usize,
    pub text: &'t str,
    pub tone: Tone,
    pub origin: Option<String>,
    /// A longer text loses its middle.
    pub most_lines: usize,
}

impl Default for Paragraph<'_> {
    fn default() -> Self {
        Paragraph { label: "", label_tone: Tone::Strong, indent: 0, text: "", tone: Tone::Plain, origin: None, most_lines: 2 }
    }
}

/// Lines written so far.
#[derive(Clone, Debug)]
pub struct Screen {
    pub width: usize,
    lines: Vec<Line>,
}

impl Screen {
    /// An empty screen of so many columns.
    pub fn new(width: usize) -> Screen {
        Screen { width, lines: Vec::new() }
    }

    /// Number of lines.
    pub fn height(&self) -> usize {
        self.lines.len()
    }

    /// An empty line between blocks.
    pub fn gap(&mut self) {
        if self.lines.last().is_some_and(|line| !line.is_empty()) {
            self.lines.push(Vec::new());
        }
    }

    /// One line of several tones; the caller keeps it within the width.
    pub fn line(&mut self, spans: Line) {
        self.lines.push(spans);
    }

    /// A wrapped text behind its label.
    pub fn paragraph(&mut self, p: &Paragraph<'_>) {
        let room = self.width.saturating_sub(p.indent).max(8);
        let texts = fit(p.text, room, p.most_lines.max(1));
        let last = texts.len().saturating_sub(1);
        let mut place = p.origin.as_deref().map(|o| shorten(o, room));
        for (i, text) in texts.iter().enumerate() {
            let label = if i == 0 { p.label } else { "" };
            let mut line = vec![(p.label_tone, pad(label, p.indent)), (p.tone, text.clone())];
            let free = room.saturating_sub(width(text));
            if i == last
                && let Some(o) = place.take_if(|o| width(o) + 2 <= free)
            {
                line.push((Tone::Dim, format!("{}{o}", " ".repeat(free - width(&o)))));
            }
            self.lines.push(line);
        }
        if let Some(origin) = place {
            self.lines.push(vec![(Tone::Dim, format!("{}{origin}", " ".repeat(self.width.saturating_sub(width(&origin)))))]);
        }
    }

    /// The lines as text, with colours and signs as the view allows.
    pub fn print(&self, view: &View) -> String {
        let mut out = String::new();
        for line in &self.lines {
            print_line(&mut out, line, view);
        }
        out
    }
}

fn fit(text: &str, room: usize, most_lines: usize) -> Vec<String> {
    let mut budget = room * most_lines;
    // What is wider than all lines together is cut first: a hostile text must not cost time either.
    let mut lines = wrap(&shorten(text, budget), room);
    while lines.len() > most_lines && budget > 1 {
        lines = wrap(&shorten(text, budget), room);
        budget -= 1;
    }
    if lines.is_empty() { vec![String::new()] } else { lines }
}

fn print_line(out: &mut String, line: &Line, view: &View) {
    let text_end = line.iter().rposition(|(_, text)| !text.trim_end().is_empty()).map_or(0, |i| i + 1);
    for (i, (tone, text)) in line[..text_end].iter().enumerate() {
        let text = if i + 1 == text_end { text.trim_end() } else { text };
        let text = if view.unicode { text.to_owned() } else { to_ascii(text) };
        match view.colour && *tone != Tone::Plain && !text.trim().is_empty() {
            true => out.push_str(&format!("{0}{text}{0:#}", tone.style())),
            false => out.push_str(&text),
        }
    }
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(p: &Paragraph<'_>, columns: usize) -> String {
        let mut screen = Screen::new(columns);
        screen.paragraph(p);
        screen.print(&View::default())
    }

    #[test]
    fn the_place_stands_at_the_margin_or_on_a_line_of_its_own() {
        let p = Paragraph { label: "  1", indent: 5, text: "three words here", origin: Some("a.log:7".into()), ..Paragraph::default() };
        assert_eq!(shown(&p, 40), "  1  three words here            a.log:7\n");
        assert_eq!(shown(&p, 24), "  1  three words here\n                 a.log:7\n");
    }

    #[test]
    fn what_is_too_long_loses_its_middle() {
        let text = "begin ".to_owned() + &"middle ".repeat(40) + "end";
        let out = shown(&Paragraph { indent: 4, text: &text, most_lines: 2, ..Paragraph::default() }, 30);
        assert_eq!(out.lines().count(), 2);
        assert!(shown(&Paragraph { text: &"x".repeat(3_000_000), ..Paragraph::default() }, 80).len() < 200);
        assert!(out.contains("begin") && out.contains('…') && out.ends_with("end\n"), "{out}");
    }
}
