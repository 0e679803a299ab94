// SPDX-License-Identifier: MIT OR Apache-2.0
//! Our servant of `interop/types.idl`: checks what arrives, and answers.

use std::any::Any as StdAny;
use std::collections::HashMap;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use upcall::poa::{ServantActivator, ServantManagerError};
use upcall::{
    Any, Bytes, Completed, Context, Fixed, Interface, LongDouble, ObjectRef, Servant, SystemException,
    SystemExceptionKind, TypeCode,
};
use upcall::{Orb, Poa};

use super::idl::interop::{
    Arms, Arrays, Bottom, BottomRef, BottomSkeleton, ByBoolean, ByChar, ByColor, ByLong, ByShort,
    ByULongLong, CallbackRef, Cell, Color, Composites, Detailed, Failing, FailingUserError, Left, LeftRef,
    Members, Peer, PeerRef, PeerSkeleton, Plain, Primitives, Record, Right, RightRef, Sequences, Target,
    TargetRef, TargetSkeleton, Term, Top, TopRef, Tree,
};
use super::samples;
use crate::each_kind;

/// The servant of a Peer.
#[derive(Debug)]
pub struct Serving {
    pub(super) orb: Orb,
    me: OnceLock<PeerRef>,
    kept: Mutex<HashMap<&'static str, Box<dyn StdAny + Send>>>,
    notes: Mutex<Vec<i32>>,
    limited: AtomicI32,
}

/// Activates a Peer in the root POA of `orb`.
///
/// # Errors
/// What the POA says.
pub fn serve(orb: &Orb) -> upcall::Result<PeerRef> {
    samples::use_orb(orb);
    super::peer_values::register();
    let serving = Arc::new(Serving {
        orb: orb.clone(),
        me: OnceLock::new(),
        kept: Mutex::default(),
        notes: Mutex::default(),
        limited: AtomicI32::new(0),
    });
    let peer: PeerRef = activated(orb, PeerSkeleton::from_arc(Arc::clone(&serving)))?;
    serving.me.get_or_init(|| peer.clone());
    let target = activated(orb, TargetSkeleton::new(Named("forwarded".into())))?;
    let forwarder = orb
        .root_poa()
        .create("forwarder")
        .user_ids()
        .use_servant_manager()
        .build();
    let forwarder = forwarder?;
    forwarder.set_servant_activator(Forwarder(target))?;
    Ok(peer)
}

/// Activates a servant and gives its reference.
pub(super) fn activated<S: Servant, R: Interface>(orb: &Orb, servant: S) -> upcall::Result<R> {
    Ok(orb.root_poa().activate(servant).export()?)
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn not_the_sample(what: &str) -> SystemException {
    SystemException::new(SystemExceptionKind::BadParam, 1, Completed::No)
        .with_message(format!("{what} is not the sample"))
}

impl Serving {
    pub(super) fn echo<T: Clone + PartialEq>(
        &self,
        name: &str,
        a: T,
        b: T,
        sample: fn(usize) -> T,
    ) -> upcall::Result<(T, T, T)> {
        if a != sample(0) {
            return Err(not_the_sample(&format!("{name} a")));
        }
        if b != sample(1) {
            return Err(not_the_sample(&format!("{name} b")));
        }
        Ok((a.clone(), a, b))
    }

    pub(super) fn kept<T: Clone + 'static>(&self, name: &str, sample: fn(usize) -> T) -> T {
        let kept = locked(&self.kept);
        kept.get(name)
            .and_then(|value| value.downcast_ref::<T>())
            .cloned()
            .unwrap_or_else(|| sample(0))
    }

    pub(super) fn keep<T: Send + 'static>(&self, name: &'static str, value: T) {
        locked(&self.kept).insert(name, Box::new(value));
    }
}

/// The three methods of each `echo_…` and its attribute.
#[macro_export]
macro_rules! serve_each {
    ($($how:ident $type:ty $([$element:ty])?, $echo:ident, $kept:ident, $set:ident, $sample:ident;)*) => {
        $($crate::serve_one! { $how $type $([$element])?, $echo, $kept, $set, $sample })*
    };
}

/// One of [`serve_each`].
#[macro_export]
macro_rules! serve_one {
    (text $type:ty, $echo:ident, $kept:ident, $set:ident, $sample:ident) => {
        fn $echo(&self, _: &Context<'_>, a: &str, b: &str) -> upcall::Result<($type, $type, $type)> {
            self.echo(
                stringify!($sample),
                a.to_owned(),
                b.to_owned(),
                samples::$sample,
            )
        }
        $crate::serve_one! { attribute &str, $type, $kept, $set, $sample }
    };
    (block $type:ty [$element:ty], $echo:ident, $kept:ident, $set:ident, $sample:ident) => {
        fn $echo(
            &self,
            _: &Context<'_>,
            a: &[$element],
            b: &[$element],
        ) -> upcall::Result<($type, $type, $type)> {
            self.echo(
                stringify!($sample),
                a.to_vec().into(),
                b.to_vec().into(),
                samples::$sample,
            )
        }
        $crate::serve_one! { attribute &[$element], $type, $kept, $set, $sample }
    };
    (attribute $given:ty, $type:ty, $kept:ident, $set:ident, $sample:ident) => {
        fn $kept(&self, _: &Context<'_>) -> upcall::Result<$type> {
            Ok(self.kept(stringify!($sample), samples::$sample))
        }
        fn $set(&self, _: &Context<'_>, value: $given) -> upcall::Result<()> {
            self.keep::<$type>(stringify!($sample), value.to_owned().into());
            Ok(())
        }
    };
    ($how:ident $type:ty, $echo:ident, $kept:ident, $set:ident, $sample:ident) => {
        fn $echo(&self, _: &Context<'_>, a: $type, b: $type) -> upcall::Result<($type, $type, $type)> {
            self.echo(stringify!($sample), a, b, samples::$sample)
        }
        fn $kept(&self, _: &Context<'_>) -> upcall::Result<$type> {
            Ok(self.kept(stringify!($sample), samples::$sample))
        }
        fn $set(&self, _: &Context<'_>, value: $type) -> upcall::Result<()> {
            self.keep::<$type>(stringify!($sample), value);
            Ok(())
        }
    };
}

impl Primitives for Serving {
    each_kind!(primitives, serve_each);

    fn echo_longdouble(
        &self,
        _: &Context<'_>,
        a: LongDouble,
        b: LongDouble,
    ) -> upcall::Result<(LongDouble, LongDouble, LongDouble)> {
        for (given, n) in [(a, 0), (b, 1)] {
            if samples::x87_bits(given) != samples::x87_bits(samples::longdouble(n)) {
                return Err(not_the_sample("longdouble"));
            }
        }
        Ok((a, a, b))
    }
    fn kept_longdouble(&self, _: &Context<'_>) -> upcall::Result<LongDouble> {
        Ok(self.kept("longdouble", samples::longdouble))
    }
    fn set_kept_longdouble(&self, _: &Context<'_>, value: LongDouble) -> upcall::Result<()> {
        self.keep("longdouble", value);
        Ok(())
    }
}

impl Composites for Serving {
    each_kind!(composites, serve_each);
}

impl Failing for Serving {
    fn user(&self, _: &Context<'_>, which: i32) -> Result<i32, FailingUserError> {
        match which {
            1 => Err(Plain {}.into()),
            2 => {
                let more = Any::from(42_i32);
                Err(Detailed {
                    why: "detailed".into(),
                    what: samples::record(0),
                    more,
                }
                .into())
            }
            _ => Ok(which),
        }
    }
    fn system(&self, _: &Context<'_>, name: &str, minor: u32, completed: i32) -> upcall::Result<()> {
        let completed = match completed {
            0 => Completed::Yes,
            1 => Completed::No,
            _ => Completed::Maybe,
        };
        SystemExceptionKind::from_name(name)
            .map_or(Ok(()), |kind| Err(SystemException::new(kind, minor, completed)))
    }
    fn limited(&self, _: &Context<'_>) -> upcall::Result<i32> {
        Ok(self.limited.load(Ordering::Relaxed))
    }
    fn set_limited(&self, _: &Context<'_>, value: i32) -> upcall::Result<()> {
        if value > 100 {
            return Err(SystemException::new(
                SystemExceptionKind::BadParam,
                7,
                Completed::No,
            ));
        }
        self.limited.store(value, Ordering::Relaxed);
        Ok(())
    }
}

struct Named(String);

impl Target for Named {
    fn name(&self, _: &Context<'_>) -> upcall::Result<String> {
        Ok(self.0.clone())
    }
}

struct Diamond;

impl Top for Diamond {
    fn at_top(&self, _: &Context<'_>) -> upcall::Result<String> {
        Ok("top".into())
    }
    fn who(&self, _: &Context<'_>) -> upcall::Result<String> {
        Ok("diamond".into())
    }
}

impl Left for Diamond {
    fn at_left(&self, _: &Context<'_>) -> upcall::Result<String> {
        Ok("left".into())
    }
}

impl Right for Diamond {
    fn at_right(&self, _: &Context<'_>) -> upcall::Result<String> {
        Ok("right".into())
    }
}

impl Bottom for Diamond {
    fn at_bottom(&self, _: &Context<'_>) -> upcall::Result<String> {
        Ok("bottom".into())
    }
}

/// Sends whoever asks for an object of its adapter on to another.
struct Forwarder(TargetRef);

impl ServantActivator for Forwarder {
    fn incarnate(&self, _: &[u8], _: &Poa) -> Result<Arc<dyn Servant>, ServantManagerError> {
        Err(ServantManagerError::Forward(self.0.clone().into()))
    }
}

/// Whether `object` can be narrowed to `T`.
fn is<T: Interface>(object: &ObjectRef) -> upcall::Result<bool> {
    Ok(object.narrow::<T>().wait()?.is_some())
}

impl Peer for Serving {
    fn in_any(&self, _: &Context<'_>, kind: &str, a: Any) -> upcall::Result<Any> {
        super::peer_values::exchange(kind, &a)
    }
    fn any_is_nil(&self, _: &Context<'_>, a: Any) -> upcall::Result<bool> {
        Ok(a.get::<Option<ObjectRef>>()?.is_none())
    }

    fn note(&self, _: &Context<'_>, n: i32) {
        locked(&self.notes).push(n);
    }
    fn notes(&self, _: &Context<'_>) -> upcall::Result<Vec<i32>> {
        Ok(std::mem::take(&mut locked(&self.notes)))
    }

    fn diamond(&self, _: &Context<'_>) -> upcall::Result<Option<TopRef>> {
        activated::<_, BottomRef>(&self.orb, BottomSkeleton::new(Diamond)).map(|bottom| Some(bottom.into()))
    }
    fn as_object(&self, cx: &Context<'_>) -> upcall::Result<Option<ObjectRef>> {
        Ok(self.diamond(cx)?.map(Into::into))
    }
    fn narrowed(&self, _: &Context<'_>, o: Option<ObjectRef>) -> upcall::Result<String> {
        let Some(o) = o else { return Ok("none".into()) };
        let name = if is::<BottomRef>(&o)? {
            "Bottom"
        } else if is::<LeftRef>(&o)? {
            "Left"
        } else if is::<RightRef>(&o)? {
            "Right"
        } else if is::<TopRef>(&o)? {
            "Top"
        } else if is::<TargetRef>(&o)? {
            "Target"
        } else {
            "none"
        };
        Ok(name.into())
    }
    fn new_target(&self, _: &Context<'_>, called: &str) -> upcall::Result<Option<TargetRef>> {
        if called.is_empty() {
            return Ok(None);
        }
        activated(&self.orb, TargetSkeleton::new(Named(called.into()))).map(Some)
    }
    fn name_of(&self, _: &Context<'_>, t: Option<TargetRef>) -> upcall::Result<String> {
        t.map_or(Ok("nil".into()), |t| t.name().wait())
    }
    fn same(&self, _: &Context<'_>, t: Option<TargetRef>) -> upcall::Result<Option<TargetRef>> {
        Ok(t)
    }

    fn call_back(&self, _: &Context<'_>, c: Option<CallbackRef>, depth: i32) -> upcall::Result<i32> {
        match c {
            Some(c) if depth > 0 => Ok(c.called(depth - 1, self.me.get()).wait()? + 1),
            _ => Ok(0),
        }
    }
    fn tell(&self, _: &Context<'_>, c: Option<CallbackRef>, n: i32) -> upcall::Result<()> {
        c.map_or(Ok(()), |c| (0..n).try_for_each(|i| c.told(i).send()))
    }

    fn forwarded(&self, _: &Context<'_>) -> upcall::Result<Option<TargetRef>> {
        let forwarder = self.orb.root_poa().find("forwarder")?;
        let object = forwarder.create_reference(b"anything", TargetRef::REPOSITORY_ID)?;
        Ok(Some(object.into()))
    }
    fn gone(&self, _: &Context<'_>) -> upcall::Result<Option<TargetRef>> {
        let target: TargetRef = activated(&self.orb, TargetSkeleton::new(Named("gone".into())))?;
        let root = self.orb.root_poa();
        let id = root.reference_to_id(target.as_ref())?;
        root.deactivate(id)?;
        Ok(Some(target))
    }

    fn sum(&self, _: &Context<'_>, b: &[u8]) -> upcall::Result<u32> {
        Ok(samples::sum(b))
    }
    fn make(&self, _: &Context<'_>, n: u32) -> upcall::Result<Bytes> {
        Ok((0..n).map(samples::octet_at).collect())
    }
    fn total(&self, _: &Context<'_>, s: &[f64]) -> upcall::Result<f64> {
        Ok(s.iter().sum())
    }
    fn many(&self, _: &Context<'_>, n: u32) -> upcall::Result<Vec<String>> {
        Ok((0..n).map(|i| format!("string {i}")).collect())
    }

    fn octets_of(&self, _: &Context<'_>, s: &str) -> upcall::Result<Bytes> {
        Ok(Bytes::copy_from_slice(s.as_bytes()))
    }
    fn from_octets(&self, _: &Context<'_>, b: &[u8]) -> upcall::Result<String> {
        Ok(String::from_utf8_lossy(b).into_owned())
    }
    fn units_of(&self, _: &Context<'_>, s: &str) -> upcall::Result<Vec<u32>> {
        Ok(s.encode_utf16().map(u32::from).collect())
    }
    fn from_units(&self, _: &Context<'_>, u: &[u32]) -> upcall::Result<String> {
        let units: Vec<u16> = u.iter().filter_map(|unit| u16::try_from(*unit).ok()).collect();
        Ok(String::from_utf16_lossy(&units))
    }

    fn wait_for(&self, _: &Context<'_>, milliseconds: i32) -> upcall::Result<i32> {
        thread::sleep(Duration::from_millis(milliseconds.unsigned_abs().into()));
        Ok(milliseconds)
    }
    fn shutdown(&self, _: &Context<'_>) {
        self.orb.shutdown();
    }
}
