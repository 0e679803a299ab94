// SPDX-License-Identifier: MIT OR Apache-2.0
//! What connections are like: as those of the kernel, but for what RT-CORBA's properties say.

use orb_core::rtcorba::TcpProtocolProperties;
use rtu::Nanos;

use crate::engine::{KeepAlive, Settings};

/// A few segments, without which TCP stalls; and the largest window there is (RFC 7323 §2.3).
const LEAST_BUDGET: usize = 4 << 10;
const MOST_BUDGET: usize = 1 << 30;

/// When the kernel asks a silent peer whether it is there.
const KEEP_ALIVE: KeepAlive = KeepAlive {
    idle: Nanos::from_secs(7200),
    interval: Nanos::from_secs(75),
    probes: 9,
};

/// What connections with these properties are like. That machines beyond our networks are not to be reached (`dont_route`) holds
/// of all that are opened here, and room that is left to the system is the engine's.
pub(super) fn of(properties: &TcpProtocolProperties) -> Settings {
    let usual = Settings::default();
    let room = |bytes: u32, usual: u32| match bytes {
        0 => usual,
        bytes => budget(usize::try_from(bytes).unwrap_or(MOST_BUDGET)),
    };
    Settings {
        send_budget: room(properties.send_buffer_size, usual.send_budget),
        receive_budget: room(properties.recv_buffer_size, usual.receive_budget),
        nagle: !properties.no_delay,
        keep_alive: properties.keep_alive.then_some(KEEP_ALIVE),
        ..usual
    }
}

/// Room for so many octets, as far as that makes sense.
pub(super) fn budget(octets: usize) -> u32 {
    u32::try_from(octets.clamp(LEAST_BUDGET, MOST_BUDGET)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_that_say_nothing_leave_all_as_it_is() {
        let settings = of(&TcpProtocolProperties::default());
        let usual = Settings {
            keep_alive: Some(KEEP_ALIVE),
            ..Settings::default()
        };
        assert_eq!(settings, usual);
    }

    #[test]
    fn properties_become_settings() {
        let settings = of(&TcpProtocolProperties {
            send_buffer_size: 100_000,
            recv_buffer_size: 1,
            keep_alive: false,
            no_delay: false,
            dont_route: true,
        });
        assert_eq!(
            (settings.send_budget, settings.receive_budget),
            (100_000, 4096),
            "a window of one octet would be no window"
        );
        assert!(settings.nagle && settings.keep_alive.is_none());
        let most = TcpProtocolProperties {
            recv_buffer_size: u32::MAX,
            ..TcpProtocolProperties::default()
        };
        assert_eq!(of(&most).receive_budget, 1 << 30);
    }
}
