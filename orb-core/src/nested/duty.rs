// SPDX-License-Identifier: MIT OR Apache-2.0
//! What only one thread may do, and what must go on while it waits: whoever it waits for may need it done.

use std::{
    cell::RefCell,
    ptr,
    rc::Rc,
    sync::{Arc, Weak},
};

use super::{HOLDERS, Holder};

/// Work that comes to one thread from others; they unpark the thread when they bring some.
pub trait Duty: Send + Sync {
    /// Does one piece of work if there is any that is this thread's; tells whether it did.
    fn attend(&self) -> bool;
}

thread_local! {
    static DUTIES: RefCell<Vec<Weak<dyn Duty>>> = const { RefCell::new(Vec::new()) };
}

/// Makes `duty` one that this thread attends to while it waits for a reply, until [`lay_down`] or the duty's end.
pub fn take_on(duty: &Arc<dyn Duty>) {
    DUTIES.with_borrow_mut(|duties| {
        duties.retain(|known| known.strong_count() > 0 && !is(known, duty));
        duties.push(Arc::downgrade(duty));
    });
}

/// Ends what [`take_on`] began.
pub fn lay_down(duty: &Arc<dyn Duty>) {
    DUTIES.with_borrow_mut(|duties| duties.retain(|known| !is(known, duty)));
}

fn is(known: &Weak<dyn Duty>, duty: &Arc<dyn Duty>) -> bool {
    ptr::addr_eq(known.as_ptr(), Arc::as_ptr(duty))
}

/// Tells whether this thread has duties.
#[inline]
pub(crate) fn has_duties() -> bool {
    DUTIES
        .try_with(|duties| !duties.borrow().is_empty())
        .unwrap_or_default()
}

/// Does one piece of what this thread has to do; tells whether there was any. For a thread that has said that it is
/// about to block.
pub fn attend() -> bool {
    let count = DUTIES
        .try_with(|duties| duties.borrow().len())
        .unwrap_or_default();
    // What the thread held it has let go of, and takes hold of again after the wait: the work must not.
    let _aside = (count > 0).then(Aside::new);
    (0..count).any(|index| duty(index).is_some_and(|duty| duty.attend()))
}

/// The list must not be borrowed during the work, which may add to it.
fn duty(index: usize) -> Option<Arc<dyn Duty>> {
    DUTIES.with_borrow(|duties| duties.get(index).and_then(Weak::upgrade))
}

/// Keeps what this thread holds off its list.
struct Aside(Vec<Rc<dyn Holder>>);

impl Aside {
    fn new() -> Self {
        Self(HOLDERS.take())
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        HOLDERS.set(std::mem::take(&mut self.0));
    }
}

#[cfg(test)]
mod tests {
    use std::{
        cell::Cell,
        sync::atomic::{AtomicU32, Ordering},
    };

    use super::{
        super::{about_to_block, hold},
        *,
    };

    /// As many pieces of work as the number says.
    struct Pieces(AtomicU32);

    impl Duty for Pieces {
        fn attend(&self) -> bool {
            // As work does that calls somebody.
            drop(about_to_block());
            let left = self.0.load(Ordering::Relaxed);
            self.0.store(left.saturating_sub(1), Ordering::Relaxed);
            left > 0
        }
    }

    fn pieces(count: u32) -> Arc<dyn Duty> {
        Arc::new(Pieces(AtomicU32::new(count)))
    }

    #[test]
    fn work_is_done_piece_by_piece_until_none_is_left() {
        let (one, two) = (pieces(1), pieces(2));
        take_on(&one);
        take_on(&two);
        take_on(&two);
        assert!(has_duties());
        assert!((0..3).all(|_| attend()));
        assert!(!attend());
    }

    #[test]
    fn a_duty_that_was_laid_down_or_is_gone_is_none() {
        let (one, two) = (pieces(1), pieces(1));
        take_on(&one);
        lay_down(&one);
        assert!(!has_duties());
        assert!(!attend());
        take_on(&two);
        drop(two);
        assert!(!attend());
        take_on(&one);
        assert!(attend());
    }

    /// Counts how often it is released and not taken again.
    #[derive(Default)]
    struct Balance(Cell<i32>);

    impl Holder for Balance {
        fn release(&self) {
            self.0.set(self.0.get() + 1);
        }
        fn resume(&self) {
            self.0.set(self.0.get() - 1);
        }
    }

    #[test]
    fn what_the_thread_has_let_go_of_is_not_let_go_of_again_by_the_work() {
        struct Looks(std::thread::ThreadId);
        impl Duty for Looks {
            fn attend(&self) -> bool {
                assert_eq!(self.0, std::thread::current().id());
                let blocking = about_to_block();
                assert_eq!(format!("{blocking:?}"), "Blocking { holders: 0 }");
                true
            }
        }
        let balance = Rc::new(Balance::default());
        let _held = hold(Rc::clone(&balance) as Rc<dyn Holder>);
        let duty: Arc<dyn Duty> = Arc::new(Looks(std::thread::current().id()));
        take_on(&duty);
        let waiting = about_to_block();
        assert!(attend());
        assert_eq!(balance.0.get(), 1);
        drop(waiting);
        assert_eq!(balance.0.get(), 0);
    }
}
