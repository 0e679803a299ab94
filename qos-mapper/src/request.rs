// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is asked of the mapper, and which source of a request counts.

use std::time::Duration;

use orb_core::qos::{BestEffort, Burst, Isochronous, LowDelay, Qos};
use rtu::scheduler::Overrun;

use crate::cost::FlowCost;
use crate::units::{show_rate, show_size, show_time};

/// The ends of a flow, each of which has a plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum End {
    /// Where requests are received, served and answered.
    #[default]
    Server,
    /// Where requests are sent from. What that costs is known beforehand, since no servant takes part in it.
    Client,
}

/// One flow's request.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// What the application asks for.
    pub qos: Qos,
    /// The types that its messages carry, or the operations they are of, by the names of the cost model. Defaults to
    /// none: the cost of types not known is counted.
    pub types: Vec<String>,
    /// Which end of the flow it is for. Defaults to the server's.
    pub end: End,
    /// What the flow was measured to cost, by a [`Corrector`](crate::Corrector).
    pub measured: Option<FlowCost>,
    /// Takes the cost model's word for a servant that is neither declared nor measured, instead of putting the flow on
    /// probation. Defaults to no.
    pub assume_servant: bool,
    /// What an overrun leads to. Defaults to [`Overrun::Defer`].
    pub on_overrun: Overrun,
    /// The only CPU that it may be placed on. Defaults to any.
    pub cpu: Option<u32>,
    /// Bytes that the flow's transport lets be under way at a time, messages with their headers: with a window of less than two
    /// periods, a periodic flow is supplied in shorter periods of fewer messages each, at the same rate. Defaults to enough.
    pub window: Option<u64>,
}

impl Request {
    /// Makes a request for `qos` with all else at its default.
    pub fn new(qos: Qos) -> Self {
        Self {
            qos,
            types: Vec::new(),
            end: End::default(),
            measured: None,
            assume_servant: false,
            on_overrun: Overrun::Defer,
            cpu: None,
            window: None,
        }
    }

    /// Makes one for the client's end of a flow, with all else at its default.
    pub fn at_client(qos: Qos) -> Self {
        Self {
            end: End::Client,
            ..Self::new(qos)
        }
    }
}

/// The sources of a request, of which the later wins.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sources {
    /// `@realtime` in IDL.
    pub idl: Option<Qos>,
    /// The QoS file.
    pub file: Option<Qos>,
    /// `.qos()` at activation.
    pub activation: Option<Qos>,
    /// The client, for its own flow.
    pub client: Option<Qos>,
}

impl Sources {
    /// Returns the request that counts; best effort if there is none.
    ///
    /// The request is taken whole from the latest source that has one. Only the servant's worst case is inherited from
    /// earlier ones, since it belongs to the object and not to the request; a client cannot declare it.
    pub fn resolve(self) -> Qos {
        let worst_case = self.worst_case();
        let latest = self.client.or(self.activation).or(self.file).or(self.idl);
        with_worst_case(latest.unwrap_or_default(), worst_case)
    }

    /// Returns the servant's worst case, as the latest of the server's sources declares it that does.
    pub fn worst_case(&self) -> Option<Duration> {
        let servers = [&self.activation, &self.file, &self.idl];
        servers.into_iter().flatten().find_map(Qos::declared_worst_case)
    }
}

fn with_worst_case(mut qos: Qos, worst_case: Option<Duration>) -> Qos {
    match &mut qos {
        Qos::Isochronous(request) => request.worst_case = worst_case,
        Qos::Burst(request) => request.worst_case = worst_case,
        Qos::LowDelay(request) => request.worst_case = worst_case,
        _ => {}
    }
    qos
}

/// Says a request in a line of plain words.
pub fn describe(qos: &Qos) -> String {
    match qos {
        Qos::Isochronous(it) => describe_isochronous(it),
        Qos::Burst(it) => describe_burst(it),
        Qos::LowDelay(it) => describe_low_delay(it),
        Qos::BestEffort(BestEffort { weight }) => format!("best effort, weight {weight}"),
        other => other.class().to_owned(),
    }
}

fn describe_isochronous(it: &Isochronous) -> String {
    let plural = if it.messages == 1 { "" } else { "s" };
    let deadline = it.deadline.unwrap_or(it.period);
    format!(
        "{} message{plural} of {} every {}, done within {}",
        it.messages,
        show_size(it.message_size as u64),
        show_time(it.period.into()),
        show_time(deadline.into())
    )
}

fn describe_burst(it: &Burst) -> String {
    let deadline = it
        .deadline
        .map(|deadline| format!(", through within {}", show_time(deadline.into())));
    format!(
        "{} in bursts of {}{}",
        show_rate(it.bandwidth),
        show_size(it.burst_size as u64),
        deadline.unwrap_or_default()
    )
}

fn describe_low_delay(it: &LowDelay) -> String {
    format!(
        "a message of {} within {}, at most every {}",
        show_size(it.message_size as u64),
        show_time(it.delay.into()),
        show_time(it.minimum_interval.unwrap_or(it.delay).into())
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLI: Duration = Duration::from_millis(1);

    #[test]
    fn the_latest_source_wins() {
        let mut sources = Sources::default();
        assert_eq!(sources.clone().resolve(), Qos::best_effort(1));
        sources.idl = Some(Qos::low_delay(MILLI));
        assert_eq!(sources.clone().resolve(), Qos::low_delay(MILLI));
        sources.file = Some(Qos::low_delay(MILLI * 2));
        assert_eq!(sources.clone().resolve(), Qos::low_delay(MILLI * 2));
        sources.activation = Some(Qos::isochronous(MILLI, 3));
        assert_eq!(sources.clone().resolve(), Qos::isochronous(MILLI, 3));
        sources.client = Some(Qos::best_effort(7));
        assert_eq!(sources.resolve(), Qos::best_effort(7));
    }

    #[test]
    fn the_worst_case_is_the_servers_to_declare() {
        let short = Duration::from_micros(5);
        let sources = Sources {
            idl: Some(Qos::low_delay(MILLI).worst_case(short)),
            file: Some(Qos::isochronous(MILLI, 1)),
            client: Some(Qos::low_delay(MILLI * 3).worst_case(Duration::from_nanos(1))),
            ..Sources::default()
        };
        assert_eq!(sources.resolve(), Qos::low_delay(MILLI * 3).worst_case(short));
        let only_client = Sources {
            client: Some(Qos::low_delay(MILLI).worst_case(short)),
            ..Sources::default()
        };
        assert_eq!(only_client.resolve(), Qos::low_delay(MILLI));
    }

    #[test]
    fn requests_are_said_in_plain_words() {
        let qos = Qos::isochronous(MILLI * 10, 4).deadline(MILLI * 5);
        assert_eq!(
            describe(&qos),
            "4 messages of 1 KiB every 10 ms, done within 5 ms"
        );
        let qos = Qos::burst(80_000_000, 65_536).deadline(MILLI);
        assert_eq!(describe(&qos), "80 MB/s in bursts of 64 KiB, through within 1 ms");
        assert_eq!(
            describe(&Qos::low_delay(MILLI)),
            "a message of 1 KiB within 1 ms, at most every 1 ms"
        );
        assert_eq!(describe(&Qos::default()), "best effort, weight 1");
    }
}
