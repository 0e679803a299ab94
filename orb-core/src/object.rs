// SPDX-License-Identifier: MIT OR Apache-2.0
//! Object references.

mod codec;
mod datagrams;
mod flow;
mod implicit;
mod narrow;
mod real_time;

use std::{
    fmt,
    sync::{
        Arc, OnceLock, Weak,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use parking_lot::Mutex;

use self::flow::Flow;
pub use self::narrow::NarrowCall;

use crate::{
    buffer::Buffer,
    cdr::{Encoder, OrbHandle},
    client::{Binding, Connection, ConnectionUser, Share, Target, WriteError},
    exception::Result,
    giop::ServiceContexts,
    invoke::{Call, Limit},
    ior::Ior,
    orb::OrbCore,
    qos::{Granted, Qos, context},
    rtcorba::{PriorityBand, ProtocolList},
    transport::Endpoint,
};

/// A typed object reference: what generated code makes of an IDL interface.
pub trait Interface:
    From<ObjectRef> + Into<ObjectRef> + AsRef<ObjectRef> + Clone + Send + Sync + 'static
{
    /// The repository id of the interface.
    const REPOSITORY_ID: &'static str;

    /// Asks the object's server for quality of service for calls by this reference, and returns a reference with a flow of
    /// its own: a connection that only it and its clones use, and that has what was granted ([`ObjectRef::granted`]) until
    /// the last of them is dropped. What a client asks for its flow comes before all that the server says of the object,
    /// but for the servant's worst case.
    ///
    /// A reference that has a flow asks for something else for that flow: then it is granted to all clones, or refused and
    /// everything stays as it was. Other references to the object do not notice.
    ///
    /// What is sent by it keeps the rate that was granted. Where the ORB has a [`FlowPlanner`](crate::flow::FlowPlanner), the
    /// client's end of the flow is admitted before anything is sent.
    ///
    /// A server that knows nothing of this, as those of other ORBs, grants nothing, and calls are served as well as they
    /// are without. So are calls to objects of the same ORB, for which there are no connections.
    ///
    /// Should the connection be lost, the next call makes another and asks for the same.
    ///
    /// # Errors
    ///
    /// `NO_RESOURCES` with the reasons of whichever end does not grant that; the exceptions of a call, of which one is made.
    fn with_qos(&self, qos: Qos) -> Result<Self> {
        self.as_ref().ask_for(qos).map(Self::from)
    }

    /// Returns a buffer of `len` octets out of the memory that calls by this reference send from: see [`ObjectRef::buffer`].
    ///
    /// # Errors
    ///
    /// As there.
    fn buffer(&self, len: usize) -> Result<Buffer> {
        self.as_ref().buffer(len)
    }
}

/// A reference to an object of any interface; cheap to clone.
///
/// Two references are equal if they are known to name the same object (`is_equivalent`, CORBA 3.3 Part 1 §8.3.6).
#[derive(Clone)]
pub struct ObjectRef(Arc<Inner>);

struct Inner {
    core: Arc<OrbCore>,
    handle: Arc<dyn OrbHandle>,
    /// Where the reference itself says the object is.
    origin: Arc<Target>,
    terms: Terms,
    /// Whether calls go by one connection, as they come: no flow and no priority bands.
    plain: bool,
    /// The same reference for each of its priority bands, once one was used.
    in_bands: OnceLock<Vec<ObjectRef>>,
    /// The same reference by datagrams, once a oneway was sent so.
    by_datagrams: OnceLock<ObjectRef>,
    place: Mutex<Place>,
    /// The number of the binding in `place`, 0 if there is none: a thread that knows the binding of this number need
    /// not lock.
    binding_number: AtomicU64,
    /// What is known of the object being in this process: see [`ObjectRef::local_key`].
    local: AtomicU32,
}

/// How calls are made.
#[derive(Clone, Default)]
struct Terms {
    timeout: Option<Duration>,
    /// What was asked for the connection, which then is the reference's own.
    flow: Option<Arc<Flow>>,
    /// Who else uses the connection.
    share: Share,
    /// The ranges of priorities with a connection each; empty for one connection for all.
    bands: Vec<PriorityBand>,
    /// By which protocols; empty for those of the ORB.
    protocols: ProtocolList,
    /// Where oneways go in datagrams, if they do.
    datagrams: Option<Arc<Target>>,
}

/// Where calls go now.
struct Place {
    /// The origin, or where the last forward led.
    target: Arc<Target>,
    /// The connection in use.
    binding: Option<Arc<Binding>>,
}

impl ObjectRef {
    /// Makes a reference of an IOR.
    pub fn new(core: &Arc<OrbCore>, ior: Ior) -> Self {
        let target = Arc::new(Target::new(ior, &core.reach()));
        let terms = Terms {
            bands: real_time::bands(&target),
            ..Terms::default()
        };
        Self::of_target(core, target, terms)
    }

    fn of_target(core: &Arc<OrbCore>, origin: Arc<Target>, terms: Terms) -> Self {
        let handle: Arc<dyn OrbHandle> = Arc::clone(core) as _;
        let place = Mutex::new(Place {
            target: Arc::clone(&origin),
            binding: None,
        });
        let local = AtomicU32::new(0);
        Self(Arc::new(Inner {
            core: Arc::clone(core),
            handle,
            origin,
            plain: terms.flow.is_none() && terms.bands.is_empty(),
            terms,
            in_bands: OnceLock::new(),
            by_datagrams: OnceLock::new(),
            place,
            binding_number: AtomicU64::new(0),
            local,
        }))
    }

    /// Returns the ORB this reference belongs to.
    pub fn orb(&self) -> &Arc<OrbCore> {
        &self.0.core
    }

    /// Returns the reference in its interoperable form.
    pub fn ior(&self) -> &Ior {
        self.0.origin.ior()
    }

    /// Asks whether the object supports `T`, and if so returns the reference as one; a call is made only if the
    /// reference does not say so itself.
    pub fn narrow<T: Interface>(&self) -> NarrowCall<'_, T> {
        NarrowCall::new(self)
    }

    /// Returns the reference as one of `T` without asking.
    pub fn unchecked_narrow<T: Interface>(&self) -> T {
        T::from(self.clone())
    }

    /// Returns the same reference with another time limit for its calls.
    #[must_use]
    pub fn with_timeout(&self, time: Duration) -> Self {
        self.on_terms(Terms {
            timeout: Some(time),
            ..self.0.terms.clone()
        })
    }

    fn on_terms(&self, terms: Terms) -> Self {
        Self::of_target(&self.0.core, Arc::clone(&self.0.origin), terms)
    }

    /// Returns what the server has granted to this reference's flow, as it said when it was asked, or with a reply since then,
    /// such as at the end of a probation; `None` for a reference
    /// without a flow of its own ([`Interface::with_qos`]), while that has no connection, and if the server grants nothing.
    pub fn granted(&self) -> Option<Granted> {
        self.0.terms.flow.as_ref()?.granted()
    }

    /// Waits until a call may be made, on a flow with a guarantee; returns what is left of its time.
    #[inline]
    pub(crate) fn release(&self, limit: Limit) -> Result<Limit> {
        if self.0.plain {
            return Ok(limit);
        }
        self.released(limit)
    }

    #[cold]
    fn released(&self, limit: Limit) -> Result<Limit> {
        let Some(flow) = &self.0.terms.flow else {
            return Ok(limit);
        };
        let deadline = limit.deadline(Instant::now(), self.time_limit());
        flow.release(deadline)?;
        Ok(Limit::At(deadline))
    }

    /// Sends a request that its caller does not wait for a reply to; waits for room until `deadline`, if there is one.
    pub(crate) fn send(
        &self,
        connection: &Arc<Connection>,
        message: &Encoder<'_>,
        deadline: Option<Instant>,
    ) -> std::result::Result<(), WriteError> {
        match &self.0.terms.flow {
            Some(flow) => flow.send(connection, message, deadline),
            None => connection.send(message, deadline),
        }
    }

    /// Sends a request of a burst, whose reply is waited for later, together with others; on a flow of its own it goes in its
    /// turn.
    pub(crate) fn send_with_others(
        &self,
        connection: &Arc<Connection>,
        message: &Encoder<'_>,
        deadline: Option<Instant>,
    ) -> std::result::Result<(), WriteError> {
        match &self.0.terms.flow {
            Some(flow) => flow.send(connection, message, deadline),
            None => connection.send_with_others(message, deadline),
        }
    }

    /// Takes note of what a reply says of the reference's flow: the server tells when a probation has ended.
    pub(crate) fn hear(&self, binding: &Binding, contexts: &ServiceContexts<'_>) {
        if let Some(flow) = &self.0.terms.flow
            && let Some(granted) = contexts.find(context::ID).and_then(context::decode_grant)
        {
            flow.granted_anew(binding, granted);
        }
    }

    fn ask_for(&self, qos: Qos) -> Result<Self> {
        if self.is_local() {
            return Ok(self.clone());
        }
        let deadline = Limit::Default.deadline(Instant::now(), self.time_limit());
        if let Some(flow) = &self.0.terms.flow {
            flow.renegotiate(self, qos, deadline)?;
            return Ok(self.clone());
        }
        let own = self.on_terms(Terms {
            timeout: self.0.terms.timeout,
            flow: Some(Arc::new(Flow::new(qos))),
            protocols: self.0.terms.protocols.clone(),
            ..Terms::default()
        });
        own.binding(deadline)?;
        Ok(own)
    }

    /// Asks the object whether it supports the interface `id`.
    pub fn is_a<'a>(&'a self, id: &'a str) -> Call<'a, implicit::IsA> {
        Call::new(self, (id,))
    }

    /// Asks the object's server whether the object has ceased to exist.
    ///
    /// # Errors
    ///
    /// The system exceptions of the call, but not `OBJECT_NOT_EXIST`, which is the answer `true`.
    pub fn non_existent(&self) -> Result<bool> {
        implicit::non_existent(self)
    }

    /// Tells whether this and `other` are known to name the same object: they have the same key at the same place.
    pub fn is_equivalent(&self, other: &Self) -> bool {
        if Arc::ptr_eq(&self.0.origin, &other.0.origin) || self.ior() == other.ior() {
            return true;
        }
        let (mine, theirs) = (
            self.0.origin.profiles().first(),
            other.0.origin.profiles().first(),
        );
        mine.zip(theirs)
            .is_some_and(|(mine, theirs)| mine.key == theirs.key && mine.principal() == theirs.principal())
    }

    /// Returns a number that is the same for equivalent references, below `maximum` (CORBA 3.3 Part 1 §8.3.5).
    pub fn hash(&self, maximum: u32) -> u32 {
        // FNV-1a over the key.
        let key = self
            .0
            .origin
            .profiles()
            .first()
            .map(|profile| &profile.key[..])
            .unwrap_or_default();
        let hash = key.iter().fold(0x811c_9dc5_u32, |hash, &octet| {
            (hash ^ u32::from(octet)).wrapping_mul(0x0100_0193)
        });
        if maximum == 0 { hash } else { hash % maximum }
    }

    /// Returns what the object is known by at the first place that `is_there`.
    pub fn key_at(&self, is_there: impl Fn(&Endpoint) -> bool) -> Option<Bytes> {
        let mut profiles = self.0.origin.profiles().iter();
        let profile = profiles.find(|profile| profile.endpoints().iter().any(&is_there))?;
        Some(profile.key.clone())
    }

    /// Tells whether the object is served by this ORB, so that calls make no messages.
    pub fn is_local(&self) -> bool {
        self.local_key().is_some()
    }
}

impl ObjectRef {
    pub(crate) fn handle(&self) -> &Arc<dyn OrbHandle> {
        &self.0.handle
    }

    /// Returns how long a call may take that says nothing else.
    #[inline]
    pub(crate) fn time_limit(&self) -> Duration {
        self.0.terms.timeout.unwrap_or(self.0.core.config().timeout)
    }

    /// Returns the object's key if this ORB serves it.
    #[inline]
    pub(crate) fn local_key(&self) -> Option<&[u8]> {
        // The low byte is 1 + the index of the profile, 0 if none is local; above it stands the state of the ORB's
        // endpoints for which that was found, plus one. Relaxed: it is found out again if it is not seen.
        let epoch = self.0.core.endpoint_epoch();
        let known = self.0.local.load(Ordering::Relaxed);
        let local = if known >> 8 == epoch {
            known & 0xff
        } else {
            self.find_locally(epoch)
        };
        let index = usize::try_from(local.checked_sub(1)?).ok()?;
        self.0
            .origin
            .profiles()
            .get(index)
            .map(|profile| &profile.key[..])
    }

    #[cold]
    fn find_locally(&self, epoch: u32) -> u32 {
        let core = &self.0.core;
        let found = (1..=0xff_u32).zip(self.0.origin.profiles()).find(|(_, profile)| {
            profile
                .endpoints()
                .iter()
                .any(|endpoint| core.is_local_endpoint(endpoint))
        });
        let local = found.map_or(0, |(number, _)| number);
        self.0.local.store(epoch << 8 | local, Ordering::Relaxed);
        local
    }

    /// Returns the number of the binding in use, 0 if there is none.
    #[inline]
    pub(crate) fn binding_number(&self) -> u64 {
        // Relaxed: whoever sees an old number uses the old binding once more.
        self.0.binding_number.load(Ordering::Relaxed)
    }

    /// Returns the connection in use, made now if there is none.
    pub(crate) fn binding(&self, deadline: Instant) -> Result<Arc<Binding>> {
        let place = self.0.place.lock();
        if let Some(binding) = place
            .binding
            .as_ref()
            .filter(|binding| binding.connection().is_some())
        {
            return Ok(Arc::clone(binding));
        }
        let target = Arc::clone(&place.target);
        drop(place);
        self.bind(target, deadline)
    }

    /// Returns where calls go: what the reference says, or where the last forward led.
    fn target(&self) -> Arc<Target> {
        Arc::clone(&self.0.place.lock().target)
    }

    fn bind(&self, target: Arc<Target>, deadline: Instant) -> Result<Arc<Binding>> {
        let (cache, share) = (self.0.core.connections(), self.0.terms.share);
        let binding = match &self.0.terms.flow {
            Some(flow) => flow.binding(self, deadline)?,
            None if share == Share::One => {
                Arc::new(Binding::exclusive(cache, target, self.protocols()?, deadline)?)
            }
            None => {
                let terms = (share, self.protocols()?);
                Arc::new(Binding::new(cache, target, terms, deadline)?)
            }
        };
        let mut place = self.0.place.lock();
        let mut before = None;
        if place.target.ior() == binding.target.ior() {
            before = self.0.set_binding(&mut place, Some(Arc::clone(&binding)));
        }
        drop(place);
        self.0.let_go(before);
        if let Some(connection) = binding.connection() {
            let user: Weak<Inner> = Arc::downgrade(&self.0);
            connection.add_user(user);
            if let Some(flow) = &self.0.terms.flow {
                let user: Weak<Flow> = Arc::downgrade(flow);
                connection.add_user(user);
            }
        }
        if binding.connection().is_none() {
            // It ended before it could know of us.
            self.0.connection_ended();
        }
        Ok(binding)
    }

    /// Forgets a connection that is of no use any more.
    pub(crate) fn unbind(&self, binding: &Binding) {
        self.0.unbind_if(|current| current.number == binding.number);
    }

    /// Sends calls to where the server said the object is.
    pub(crate) fn forward(&self, ior: Ior, permanently: bool) {
        tracing::debug!(from = %self.ior().type_id, ?ior, permanently, "location forward");
        self.move_to(Arc::new(Target::new(ior, &self.0.core.reach())));
    }

    fn move_to(&self, target: Arc<Target>) {
        let mut place = self.0.place.lock();
        place.target = target;
        let before = self.0.set_binding(&mut place, None);
        drop(place);
        self.0.let_go(before);
    }

    /// Sends calls where the reference says again; `false` if they go there already.
    pub(crate) fn go_back(&self) -> bool {
        let moved = !Arc::ptr_eq(&self.0.place.lock().target, &self.0.origin);
        if moved {
            self.move_to(Arc::clone(&self.0.origin));
        }
        moved
    }
}

impl Inner {
    /// Sets the binding in use, and returns the one before, for [`Inner::let_go`].
    #[must_use]
    fn set_binding(&self, place: &mut Place, binding: Option<Arc<Binding>>) -> Option<Arc<Binding>> {
        let number = binding.as_ref().map_or(0, |binding| binding.number);
        self.binding_number.store(number, Ordering::Relaxed);
        std::mem::replace(&mut place.binding, binding)
    }

    /// Closes a connection that nobody else uses; not under the lock, which is taken when a connection ends.
    fn let_go(&self, binding: Option<Arc<Binding>>) {
        if let Some(binding) = binding.filter(|_| self.terms.share == Share::One) {
            binding.release();
        }
    }

    fn unbind_if(&self, is_it: impl Fn(&Binding) -> bool) {
        let mut place = self.place.lock();
        if place.binding.as_deref().is_some_and(is_it) {
            let before = self.set_binding(&mut place, None);
            drop(place);
            self.let_go(before);
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let binding = self.place.get_mut().binding.take();
        self.let_go(binding);
    }
}

impl ConnectionUser for Inner {
    fn connection_ended(&self) {
        self.unbind_if(|binding| binding.connection().is_none());
    }
}

/// The ORB of references that were decoded where no ORB was at hand: they can be passed on, not called.
pub(crate) fn detached() -> &'static Arc<OrbCore> {
    static DETACHED: OnceLock<Arc<OrbCore>> = OnceLock::new();
    DETACHED.get_or_init(|| OrbCore::new(crate::orb::OrbConfig::default(), Vec::new()))
}

impl PartialEq for ObjectRef {
    fn eq(&self, other: &Self) -> bool {
        self.is_equivalent(other)
    }
}

impl AsRef<ObjectRef> for ObjectRef {
    fn as_ref(&self) -> &ObjectRef {
        self
    }
}

impl Interface for ObjectRef {
    // CORBA 3.3 Part 1 §8.3: every object supports the pseudo-interface Object.
    const REPOSITORY_ID: &'static str = "IDL:omg.org/CORBA/Object:1.0";
}

impl fmt::Debug for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let profile = self.0.origin.profiles().first();
        f.debug_struct("ObjectRef")
            .field("type_id", &self.ior().type_id)
            .field(
                "endpoint",
                &profile.and_then(|profile| profile.endpoints().first()),
            )
            .field(
                "key",
                &profile.map(|profile| profile.key.escape_ascii().to_string()),
            )
            .finish_non_exhaustive()
    }
}
