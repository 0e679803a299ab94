// SPDX-License-Identifier: MIT OR Apache-2.0
//! Configuring an ORB.

use std::{
    collections::hash_map::RandomState,
    fs,
    hash::BuildHasher,
    io,
    net::UdpSocket,
    path::{Path, PathBuf},
    sync::{Arc, Weak},
    time::Duration,
};

use object_adapter::{ObjectAdapter, RealTime};
use orb_core::{
    cdr::{OrbHandle, Version},
    exception,
    invoke::SyncScope,
    orb::{ArgumentError, OrbArguments, OrbConfig, OrbCore},
    rtcorba::{InvalidProtocols, Protocol, ProtocolList, ProtocolType, TcpProtocolProperties},
    servant::Adapter,
    server::{Server, ServerConfig},
    transport::{Endpoint, EndpointError, Listener, Transport, TransportError},
};
use parking_lot::Mutex;
use qos_mapper::{FileErrors, QosFile};
use transport_tcp::{Apic, KernelTcp, KernelUdp, NoFabric};

use super::{
    Fabric, Inner, Orb, Tun, TunError, cannot_listen, planner::Planner, references::References, stop::Stop,
};
use crate::statistics::{Folder, Publisher};

/// Configures an [`Orb`].
///
/// What the builder sets, the environment overrides, and the command line overrides both; so a program's settings are
/// defaults for those who run it. Endpoints to listen at replace each other as a whole.
///
/// | builder | environment | command line |
/// |---|---|---|
/// | [`listen`](Self::listen) | `UPCALL_LISTEN` | `-ORBListenEndpoints url`, `-ORBendPoint giop:tcp:host:port` |
/// | [`init_ref`](Self::init_ref) | `UPCALL_INIT_REF` | `-ORBInitRef name=url` |
/// | [`default_init_ref`](Self::default_init_ref) | `UPCALL_DEFAULT_INIT_REF` | `-ORBDefaultInitRef url` |
/// | [`server_id`](Self::server_id) | `UPCALL_SERVER_ID` | `-ORBServerId name` |
/// | [`timeout`](Self::timeout) | `UPCALL_TIMEOUT_MS` | `-ORBclientCallTimeOutPeriod ms` |
/// | [`max_giop_version`](Self::max_giop_version) | `UPCALL_MAX_GIOP_VERSION` | `-ORBmaxGIOPVersion 1.2` |
/// | [`max_message_size`](Self::max_message_size) | `UPCALL_MAX_MESSAGE_SIZE` | `-ORBgiopMaxMsgSize bytes` |
/// | [`statistics`](Self::statistics) | `UPCALL_STATISTICS` (a path, or nothing for nowhere) | |
/// | [`fabric`](Self::fabric) | `UPCALL_FABRIC` (a path, or nothing for none) | |
/// | [`tun`](Self::tun) | `UPCALL_TUN` (as [`Tun`] says, or nothing for none) | |
/// | | `UPCALL_TRACE_LEVEL` | `-ORBtraceLevel n` |
#[derive(Debug)]
#[must_use = "an ORB is made by .build()"]
pub struct OrbBuilder {
    config: OrbConfig,
    server: ServerConfig,
    listen: Vec<String>,
    publish: Option<String>,
    real_time: RealTime,
    statistics: Option<Folder>,
    fabric: Option<Fabric>,
    tun: Option<Tun>,
    config_file: Option<PathBuf>,
    server_protocols: ProtocolList,
    arguments: Vec<String>,
    environment: bool,
    transports: Vec<Arc<dyn Transport>>,
}

/// Why an ORB could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// An endpoint is not one.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// An argument or an environment variable was not understood.
    #[error(transparent)]
    Argument(#[from] ArgumentError),
    /// A list of protocols has none that can be spoken, or one twice.
    #[error(transparent)]
    Protocols(#[from] InvalidProtocols),
    /// An endpoint cannot be listened at.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The ORB's own TCP has no device or address.
    #[error("TCP of the ORB's own: {0}")]
    Tun(#[from] TunError),
    /// All it was to listen at is on the fabric, which is not to be had.
    #[error("this ORB is to listen on the fabric alone, and is not on that of its machine: {0}")]
    Fabric(#[source] NoFabric),
    /// An endpoint is of a protocol by which the ORB is not to serve.
    #[error("{0} is not of the protocols by which this ORB is to serve")]
    Excluded(Endpoint),
    /// There is no transport for an endpoint.
    #[error("nothing listens at {0}: there is no transport for its scheme")]
    NoTransport(Endpoint),
    /// The QoS file cannot be read.
    #[error("{}: {error}", path.display())]
    ConfigFile {
        /// Which file.
        path: PathBuf,
        /// What the operating system says.
        error: io::Error,
    },
    /// There are mistakes in the QoS file.
    #[error("{}", errors.in_file(path.display()))]
    Config {
        /// Which file.
        path: PathBuf,
        /// The mistakes.
        errors: FileErrors,
    },
    /// The operating system gives no threads or pollers.
    #[error("starting to serve: {0}")]
    System(#[from] io::Error),
}

/// What the serving side needs.
#[derive(Debug)]
pub(super) struct Serving {
    config: ServerConfig,
    publish: Option<String>,
    statistics: Option<Folder>,
    /// By which protocols objects are served, and what connections are like.
    pub(super) protocols: ProtocolList,
}

impl OrbBuilder {
    pub(super) fn new() -> Self {
        Self {
            config: OrbConfig::default(),
            server: ServerConfig::default(),
            listen: Vec::new(),
            publish: None,
            real_time: RealTime::default(),
            statistics: Some(Folder::of_user()),
            fabric: Some(Fabric::of_user()),
            tun: None,
            config_file: None,
            server_protocols: ProtocolList::default(),
            arguments: Vec::new(),
            environment: true,
            transports: Vec::new(),
        }
    }

    /// Listens at `url`, such as `iiop://127.0.0.1:2809`, `iiop://[::1]:0` (any port), `iiop://:2809` (every address of this
    /// machine), or `apic://telemetry` (a name on the [`fabric`](Self::fabric), for processes of this machine; `apic://` is any
    /// name). An ORB that listens nowhere can only call.
    ///
    /// Beside these, `diop://127.0.0.1:1303` takes oneways in datagrams of UDP from clients that
    /// [choose](crate::ObjectRef::with_datagrams) to send them so. References to objects without a guarantee name it in a profile
    /// that TAO and JacORB know and other ORBs pass over; what of datagrams is dropped, and why, is counted.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let orb = upcall::Orb::builder()
    ///     .listen("iiop://127.0.0.1:0")
    ///     .listen("diop://127.0.0.1:0")
    ///     .build()?;
    /// # orb.shutdown();
    /// # Ok(())
    /// # }
    /// ```
    pub fn listen(mut self, url: impl Into<String>) -> Self {
        self.listen.push(url.into());
        self
    }

    /// Writes this host into references instead of the one that was listened at: for machines that others know by
    /// another name or address.
    pub fn publish(mut self, host: impl Into<String>) -> Self {
        self.publish = Some(host.into());
        self
    }

    /// Takes the `-ORB…` arguments of a command line; [`Orb::arguments`] has the others.
    pub fn args(mut self, arguments: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.arguments = arguments.into_iter().map(Into::into).collect();
        self
    }

    /// Looks at `UPCALL_…` variables, or not. Defaults to `true`.
    pub fn environment(mut self, look: bool) -> Self {
        self.environment = look;
        self
    }

    /// Gives every call this much time that says nothing else. Defaults to 30 s.
    pub fn timeout(mut self, time: Duration) -> Self {
        self.config.timeout = time;
        self
    }

    /// Polls for so long before blocking, on both sides. Defaults to zero.
    pub fn busy_poll(mut self, time: Duration) -> Self {
        self.config.busy_poll = time;
        self.server.busy_poll = time;
        self
    }

    /// Closes connections to servers that were not used for so long. Defaults to 2 min.
    pub fn idle_timeout(mut self, time: Duration) -> Self {
        self.config.idle_timeout = time;
        self
    }

    /// Accepts messages up to this size. Defaults to 64 MiB.
    pub fn max_message_size(mut self, bytes: usize) -> Self {
        self.config.max_message_size = bytes;
        self
    }

    /// Speaks no higher version of GIOP. Defaults to 1.2.
    pub fn max_giop_version(mut self, version: Version) -> Self {
        self.config.max_version = version;
        self
    }

    /// Sets how far a oneway has come when `send` returns. Defaults to [`SyncScope::WithTransport`].
    pub fn sync_scope(mut self, scope: SyncScope) -> Self {
        self.config.sync_scope = scope;
        self
    }

    /// Makes `url` known as the initial reference `name`.
    pub fn init_ref(mut self, name: impl Into<String>, url: impl Into<String>) -> Self {
        self.config.init_refs.push((name.into(), url.into()));
        self
    }

    /// Looks for other initial references at `url/name`.
    pub fn default_init_ref(mut self, url: impl Into<String>) -> Self {
        self.config.default_init_ref = Some(url.into());
        self
    }

    /// Sets the name under which this process's persistent objects are known.
    pub fn server_id(mut self, name: impl Into<String>) -> Self {
        self.config.server_id = Some(name.into());
        self
    }

    /// Changes the serving side's settings: bounds, idle time, grace at shutdown.
    pub fn server(mut self, change: impl FnOnce(&mut ServerConfig)) -> Self {
        change(&mut self.server);
        self
    }

    /// Reads what is asked for objects, and perhaps what the machine is, from a QoS file, `upcall.toml` by custom;
    /// `docs/qos-guide.md` says what is in it.
    pub fn config(mut self, path: impl Into<PathBuf>) -> Self {
        self.config_file = Some(path.into());
        self
    }

    /// Keeps guarantees on these CPUs, by the system's numbers, filled in this order. Defaults to those of the QoS file or
    /// of the machine's calibration, or else to the last half of those that the process may run on, four at most.
    pub fn rt_cpus(mut self, cpus: impl IntoIterator<Item = u32>) -> Self {
        self.real_time.cpus = cpus.into_iter().collect();
        self
    }

    /// Changes what guarantees stand on: the machine and its costs, and where other processes are told of them.
    pub fn real_time(mut self, change: impl FnOnce(&mut RealTime)) -> Self {
        change(&mut self.real_time);
        self
    }

    /// Has the ORB's objects served by these RT-CORBA protocols, with connections of the kind that they say
    /// (`ServerProtocolPolicy`), unless their [POA](crate::poa::PoaBuilder::server_protocols) says otherwise.
    pub fn server_protocols(mut self, protocols: impl IntoIterator<Item = Protocol>) -> Self {
        self.server_protocols = protocols.into_iter().collect();
        self
    }

    /// Has calls go by these RT-CORBA protocols, by connections of the kind that they say (`ClientProtocolPolicy`), unless
    /// [the reference](crate::ObjectRef::with_client_protocols) says otherwise. With [`Protocol::iiop`] alone they do not take the
    /// fabric.
    pub fn client_protocols(mut self, protocols: impl IntoIterator<Item = Protocol>) -> Self {
        self.config.client_protocols = protocols.into_iter().collect();
        self
    }

    /// Leaves what the ORB's flows do in this folder, once a second while it serves or since it asked for a flow of its own, for `upcall top` and whoever else
    /// reads [`statistics`](crate::statistics); `None` leaves it nowhere. Defaults to the folder of the user. Where that
    /// cannot be had, the ORB does without.
    pub fn statistics(mut self, folder: impl Into<Option<Folder>>) -> Self {
        self.statistics = folder.into();
        self
    }

    /// Calls processes of this machine by this fabric where references name it. An ORB that listens for IIOP listens there,
    /// too: at `apic://name`, or else at a name that nobody can guess, unless [`server_protocols`](Self::server_protocols) says
    /// which protocols there are and [`Protocol::local`] is not among them. `None` does without. Defaults to that of the user. Where it cannot be had, the ORB says so
    /// once and does without.
    pub fn fabric(mut self, fabric: impl Into<Option<Fabric>>) -> Self {
        self.fabric = fabric.into();
        self
    }

    /// Carries IIOP by TCP of the ORB's own at this address, where the ORB listens at `iiop://` and that address, and to all
    /// other addresses of its network, written as numbers; likewise datagrams, by UDP of its own. `None` leaves everything to the
    /// kernel's. Defaults to `None`.
    pub fn tun(mut self, tun: impl Into<Option<Tun>>) -> Self {
        self.tun = tun.into();
        self
    }

    /// Adds a transport beside TCP; one for the same scheme comes first.
    pub fn transport(mut self, transport: Arc<dyn Transport>) -> Self {
        self.transports.push(transport);
        self
    }

    /// Makes the ORB, and binds the endpoints it listens at.
    ///
    /// # Errors
    ///
    /// [`BuildError`] for a wrong URL, argument, variable, list of protocols or QoS file, a device that is not to be had, or an
    /// endpoint that cannot be listened at.
    pub fn build(mut self) -> Result<Orb, BuildError> {
        let mut listen: Vec<Endpoint> = self
            .listen
            .iter()
            .map(|url| url.parse())
            .collect::<Result<_, _>>()?;
        let mut trace_level = None;
        let mut given = |parsed: &mut OrbArguments| {
            if !parsed.listen.is_empty() {
                listen = std::mem::take(&mut parsed.listen);
            }
            trace_level = parsed.trace_level.or(trace_level);
        };
        if self.environment {
            given(&mut OrbArguments::from_environment(
                |name| std::env::var(name).ok(),
                &mut self.config,
            )?);
            self.take_places()?;
        }
        let mut parsed = OrbArguments::parse(std::mem::take(&mut self.arguments), &mut self.config)?;
        given(&mut parsed);
        self.server.max_message_size = self.config.max_message_size;
        self.add_transports(&listen)?;
        self.config.client_protocols.check()?;
        self.server_protocols.check()?;
        let protocols = self.server_protocols;
        let excluded = |endpoint: &&Endpoint| !protocols.allows(ProtocolType::of(endpoint));
        if let Some(endpoint) = listen.iter().find(excluded) {
            return Err(BuildError::Excluded(endpoint.clone()));
        }
        let tcp = protocols.tcp().unwrap_or_default();
        let core = OrbCore::new(self.config, self.transports);
        let mut listeners = bind(&core, &listen, self.publish.as_deref(), &tcp)?;
        let by_iiop = |endpoint: &Endpoint| endpoint.scheme() == Endpoint::IIOP;
        if protocols.allows(ProtocolType::LOCAL) && core.local_endpoints().iter().any(by_iiop) {
            listeners.extend(bind_on_fabric(&core));
        }
        let server_id = core.config().server_id.clone().unwrap_or_default();
        if let Some(path) = &self.config_file {
            self.real_time.file = Some(qos_file(path)?);
        }
        let objects = Arc::new(ObjectAdapter::with_real_time(
            instance(),
            server_id,
            self.real_time,
        ));
        core.set_adapter(Arc::clone(&objects) as _);
        let stop = Stop::new(objects.main_thread());
        let inner = Arc::new(Inner {
            core,
            objects,
            serving: Serving {
                config: self.server,
                publish: self.publish,
                statistics: self.statistics,
                protocols,
            },
            listening: Mutex::new(()),
            server: Mutex::new(None),
            publisher: Mutex::new(None),
            arguments: parsed.rest,
            trace_level,
            stop,
        });
        inner.core.set_flow_planner(Arc::new(Planner {
            objects: Arc::clone(&inner.objects),
            orb: Arc::downgrade(&inner),
        }));
        inner
            .objects
            .set_references(Arc::new(References(Arc::downgrade(&inner))));
        inner.serve(listeners)?;
        Ok(Orb(inner))
    }
}

impl OrbBuilder {
    /// Takes from the environment where the ORB is seen and reached.
    fn take_places(&mut self) -> Result<(), TunError> {
        if let Some(path) = std::env::var_os("UPCALL_STATISTICS") {
            self.statistics = (!path.is_empty()).then(|| Folder::at(path));
        }
        if let Some(path) = std::env::var_os("UPCALL_FABRIC") {
            self.fabric = (!path.is_empty()).then(|| Fabric::at(path));
        }
        if let Ok(tun) = std::env::var("UPCALL_TUN") {
            self.tun = (!tun.is_empty()).then(|| tun.parse()).transpose()?;
        }
        Ok(())
    }

    /// Puts the ORB's own transports behind those that were added.
    fn add_transports(&mut self, listen: &[Endpoint]) -> Result<(), BuildError> {
        let elsewhere = |endpoint: &Endpoint| endpoint.scheme() != Apic::SCHEME;
        self.transports.extend(match &self.tun {
            Some(tun) => tun.transports()?,
            None => [Arc::new(KernelTcp::new()) as _, Arc::new(KernelUdp::new()) as _],
        });
        match self.fabric.as_ref().map(Fabric::transport) {
            Some(Ok(apic)) => self.transports.push(apic),
            // Left with nothing to listen at, it would be a server that nobody finds.
            Some(Err(reason)) if !listen.is_empty() && !listen.iter().any(elsewhere) => {
                return Err(BuildError::Fabric(reason));
            }
            Some(Err(reason)) => tracing::warn!(%reason, "this ORB is not on the fabric of its machine"),
            None => {}
        }
        Ok(())
    }
}

impl Serving {
    /// Returns what TCP connections are like.
    pub(super) fn tcp(&self) -> TcpProtocolProperties {
        self.protocols.tcp().unwrap_or_default()
    }

    pub(super) fn start(
        &self,
        core: &Arc<OrbCore>,
        adapter: Arc<dyn Adapter>,
        listeners: Vec<Box<dyn Listener>>,
    ) -> io::Result<Server> {
        let scheme = listeners
            .first()
            .map_or(Endpoint::IIOP, |listener| listener.local().scheme());
        let transport = core.transport(scheme).ok_or(io::ErrorKind::Unsupported)?;
        let handle: Arc<dyn OrbHandle> = Arc::clone(core) as _;
        let server = Server::start(self.config.clone(), adapter, Some(handle), transport.poller()?)?;
        for listener in listeners {
            server.listen(listener)?;
        }
        Ok(server)
    }

    /// Begins to publish what the flows of an ORB do; `None` where that is not wanted or cannot be.
    pub(super) fn publish_statistics(
        &self,
        objects: &ObjectAdapter,
        server: Weak<Server>,
    ) -> Option<Publisher> {
        let folder = self.statistics.as_ref()?;
        let publisher = Publisher::start(folder, objects.flows().clone(), server);
        publisher
            .inspect_err(|error| {
                let folder = folder.path().display();
                tracing::warn!(%folder, %error, "`upcall top` does not see this ORB");
            })
            .ok()
    }

    /// Binds another endpoint beside one that was bound, and returns how references name it.
    pub(super) fn bind_beside(
        &self,
        core: &OrbCore,
        beside: &Endpoint,
        tcp: Option<&TcpProtocolProperties>,
    ) -> exception::Result<(Box<dyn Listener>, Endpoint)> {
        let transport = core
            .transport(beside.scheme())
            .ok_or_else(|| cannot_listen("there is no transport for its scheme"))?;
        let listener = transport.listen_beside(beside).map_err(cannot_listen)?;
        let tcp = tcp.copied().unwrap_or_else(|| self.tcp());
        listener.set_properties(&tcp).map_err(cannot_listen)?;
        let endpoint = published(listener.local(), self.publish.as_deref());
        Ok((listener, endpoint))
    }
}

fn qos_file(path: &Path) -> Result<QosFile, BuildError> {
    let text = fs::read_to_string(path).map_err(|error| BuildError::ConfigFile {
        path: path.to_owned(),
        error,
    })?;
    QosFile::parse(&text).map_err(|errors| BuildError::Config {
        path: path.to_owned(),
        errors,
    })
}

/// Returns a number that tells this run of the server from others.
fn instance() -> u64 {
    // The one source of randomness in the standard library.
    RandomState::new().hash_one(std::process::id())
}

/// Binds the endpoints, and notes how references name them.
pub(super) fn bind(
    core: &Arc<OrbCore>,
    endpoints: &[Endpoint],
    publish: Option<&str>,
    tcp: &TcpProtocolProperties,
) -> Result<Vec<Box<dyn Listener>>, BuildError> {
    let mut listeners = Vec::with_capacity(endpoints.len());
    for endpoint in endpoints {
        let Some(transport) = core.transport(endpoint.scheme()) else {
            if endpoint.scheme() == Apic::SCHEME {
                tracing::warn!(%endpoint, "left out: this ORB is on no fabric");
                continue;
            }
            return Err(BuildError::NoTransport(endpoint.clone()));
        };
        let listener = transport.listen(endpoint)?;
        listener
            .set_properties(tcp)
            .map_err(|error| TransportError::new("listen at", endpoint, error))?;
        core.add_local_endpoint(published(listener.local(), publish));
        listeners.push(listener);
    }
    Ok(listeners)
}

/// Binds an endpoint on the fabric, unless there is one; none where that cannot be.
pub(super) fn bind_on_fabric(core: &Arc<OrbCore>) -> Option<Box<dyn Listener>> {
    let on_fabric = |endpoint: &Endpoint| endpoint.scheme() == Apic::SCHEME;
    if core.local_endpoints().iter().any(on_fabric) {
        return None;
    }
    let transport = core.transport(Apic::SCHEME)?;
    match transport.listen(&Endpoint::new(Apic::SCHEME, "", 0)) {
        Ok(listener) => {
            core.add_local_endpoint(listener.local().clone());
            Some(listener)
        }
        Err(error) => {
            tracing::warn!(%error, "this ORB does not listen on the fabric of its machine");
            None
        }
    }
}

/// The endpoint as references name it.
fn published(local: &Endpoint, publish: Option<&str>) -> Endpoint {
    match publish {
        _ if !matches!(local.scheme(), Endpoint::IIOP | Endpoint::DIOP) => local.clone(),
        Some(host) => local.with_host(host),
        None if matches!(local.host(), "0.0.0.0" | "::") => {
            local.with_host(own_address().unwrap_or_else(|_| "127.0.0.1".into()))
        }
        None => local.clone(),
    }
}

/// The address from which this machine reaches others.
fn own_address() -> io::Result<String> {
    let socket = UdpSocket::bind(("0.0.0.0", 0))?;
    // Nothing is sent: connecting only chooses the route (RFC 5737 keeps this network for documentation).
    socket.connect(("192.0.2.1", 9))?;
    Ok(socket.local_addr()?.ip().to_string())
}
