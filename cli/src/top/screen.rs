// SPDX-License-Identifier: MIT OR Apache-2.0
//! The table on a terminal, shown anew each second, and the keys.

use std::io::{self, Stdout, Write};
use std::time::Instant;

use crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use crossterm::style::{Attribute, Print, SetAttribute};
use crossterm::terminal::{self, BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate};
use crossterm::{cursor, execute, queue};
use upcall::statistics::Snapshot;

use super::table::{Table, summary};
use super::view::{Key, View};
use super::{REFRESH, STEP};
use crate::failure::Failure;

/// What stands above the rows.
const HEAD: u16 = 2;

/// Shows the table until `q` or Ctrl-C is pressed, or it `ends`.
pub(super) fn run(
    view: &mut View,
    mut read: impl FnMut() -> Result<Vec<Snapshot>, Failure>,
    ends: impl Fn() -> bool,
) -> Result<(), Failure> {
    let mut screen = Screen::new().map_err(failed)?;
    let mut snapshots = read()?;
    let mut refreshed = Instant::now();
    while !ends() {
        screen.show(view, &snapshots).map_err(failed)?;
        if event::poll(STEP).map_err(failed)? {
            match event::read().map_err(failed)? {
                Event::Key(pressed) if is_interrupt(&pressed) => break,
                Event::Key(pressed) if pressed.kind != KeyEventKind::Release => {
                    if key(&pressed, screen.page()).is_some_and(|key| view.press(key)) {
                        break;
                    }
                }
                Event::Resize(..) => screen.stale = true,
                _ => continue,
            }
            screen.stale = true;
        }
        if refreshed.elapsed() >= REFRESH {
            (snapshots, refreshed) = (read()?, Instant::now());
            screen.stale = true;
        }
    }
    Ok(())
}

fn failed(error: io::Error) -> Failure {
    Failure::new(format!("the terminal: {error}"))
}

/// The terminal, taken over, and given back as it was when this is dropped.
struct Screen {
    out: Stdout,
    /// Something is to be shown anew.
    stale: bool,
}

impl Screen {
    fn new() -> io::Result<Self> {
        terminal::enable_raw_mode()?;
        let mut screen = Self {
            out: io::stdout(),
            stale: true,
        };
        execute!(screen.out, terminal::EnterAlternateScreen, cursor::Hide)?;
        Ok(screen)
    }

    /// Rows of a page.
    fn page(&self) -> isize {
        let (_, height) = terminal::size().unwrap_or((80, 24));
        isize::try_from(height.saturating_sub(HEAD + 1)).unwrap_or(1)
    }

    fn show(&mut self, view: &mut View, snapshots: &[Snapshot]) -> io::Result<()> {
        if !std::mem::take(&mut self.stale) {
            return Ok(());
        }
        let (width, height) = terminal::size()?;
        let (width, page) = (usize::from(width), usize::from(height.saturating_sub(HEAD)));
        let rows = view.rows(snapshots);
        view.above = view.above.min(rows.len().saturating_sub(page));
        queue!(self.out, BeginSynchronizedUpdate, Clear(ClearType::All))?;
        self.line(0, &clipped(&top(view, &summary(snapshots, rows.len())), width))?;
        let table = Table::of(&rows);
        self.titles(view, &table, width)?;
        for (line, at) in table.lines().skip(view.above).take(page).zip(HEAD..) {
            self.line(at, &clipped(&line, width))?;
        }
        queue!(self.out, EndSynchronizedUpdate)?;
        self.out.flush()
    }

    fn line(&mut self, at: u16, text: &str) -> io::Result<()> {
        queue!(self.out, cursor::MoveTo(0, at), Print(text))
    }

    /// The titles: that of the order in reverse, and in each the letter underlined that sorts by it.
    fn titles(&mut self, view: &View, table: &Table, width: usize) -> io::Result<()> {
        queue!(self.out, cursor::MoveTo(0, 1))?;
        let mut left = width;
        for (column, title) in table.titles() {
            let blanks = title.chars().take_while(|c| *c == ' ').count();
            let underlined = blanks + column.key().1;
            if column == view.sort {
                queue!(self.out, SetAttribute(Attribute::Reverse))?;
            }
            for (at, c) in title.chars().enumerate().take(left) {
                if at == underlined {
                    let (on, off) = (Attribute::Underlined, Attribute::NoUnderline);
                    queue!(self.out, SetAttribute(on), Print(c), SetAttribute(off))?;
                } else {
                    queue!(self.out, Print(c))?;
                }
            }
            left = left.saturating_sub(title.chars().count());
            let between = clipped("  ", left);
            left -= between.len();
            queue!(self.out, SetAttribute(Attribute::Reset), Print(between))?;
        }
        Ok(())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // A terminal that is gone needs nothing any more.
        let _ = execute!(self.out, cursor::Show, terminal::LeaveAlternateScreen);
        let _ = terminal::disable_raw_mode();
    }
}

/// The first line.
fn top(view: &View, summary: &str) -> String {
    if let Some(typed) = &view.typed {
        return format!("/{typed}▏");
    }
    let order = if view.reversed { ", turned round" } else { "" };
    let filter = match view.filter() {
        "" => String::new(),
        filter => format!(", with `{filter}`"),
    };
    format!("{summary}{filter}{order}   q quits, / filters, r turns round, ← → and letters sort")
}

fn clipped(text: &str, width: usize) -> String {
    text.chars().take(width).collect()
}

/// Ctrl-C, which is no signal while the terminal gives us each key.
fn is_interrupt(pressed: &KeyEvent) -> bool {
    pressed.code == KeyCode::Char('c') && pressed.modifiers.contains(KeyModifiers::CONTROL)
}

fn key(pressed: &KeyEvent, page: isize) -> Option<Key> {
    Some(match pressed.code {
        KeyCode::Char(c) => Key::Character(c),
        KeyCode::Enter => Key::Enter,
        KeyCode::Esc => Key::Escape,
        KeyCode::Backspace => Key::Erase,
        KeyCode::Left => Key::Left,
        KeyCode::Right => Key::Right,
        KeyCode::Up => Key::Scroll(-1),
        KeyCode::Down => Key::Scroll(1),
        KeyCode::PageUp => Key::Scroll(-page),
        KeyCode::PageDown => Key::Scroll(page),
        _ => return None,
    })
}
