// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sharing the work among threads: parsing and formatting generated code is most of it, and no definition's text depends
//! on another's.

use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::world::World;
use super::{GenerateError, Piece, write_items};

/// From this many definitions on a second thread pays.
const WORTH_A_THREAD: usize = 64;

/// Threads beyond this many are not used: other build scripts run at the same time.
const MOST_THREADS: usize = 8;

/// Definitions a thread takes at a time.
const BATCH: usize = 8;

/// Makes the text of an output of its pieces.
pub(super) fn render(world: &World<'_>, pieces: &[Piece]) -> Result<String, GenerateError> {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let threads = cores.min(MOST_THREADS).min(pieces.len() / WORTH_A_THREAD + 1);
    let next = AtomicUsize::new(0);
    let work = || batches(world, pieces, &next);
    let mut done = thread::scope(|scope| {
        let helpers: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let mut done = work();
        for helper in helpers {
            match helper.join() {
                Ok(batches) => done.extend(batches),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        done
    });
    done.sort_unstable_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, text)| text).collect()
}

/// A batch's number and text.
type Batch = (usize, Result<String, GenerateError>);

/// Renders batches until none is left.
fn batches(world: &World<'_>, pieces: &[Piece], next: &AtomicUsize) -> Vec<Batch> {
    let mut done = Vec::new();
    loop {
        // Relaxed: the number is all that is shared.
        let at = next.fetch_add(1, Ordering::Relaxed);
        let Some(batch) = pieces.chunks(BATCH).nth(at) else {
            return done;
        };
        let mut text = String::new();
        let result = batch
            .iter()
            .try_for_each(|piece| render_piece(world, piece, &mut text));
        done.push((at, result.map(|()| text)));
    }
}

fn render_piece(world: &World<'_>, piece: &Piece, out: &mut String) -> Result<(), GenerateError> {
    match piece {
        Piece::Text(text) => out.push_str(text),
        Piece::Definition(id, depth) => write_items(world, *id, *depth, out)?,
    }
    Ok(())
}
