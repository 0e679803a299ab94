// SPDX-License-Identifier: MIT OR Apache-2.0
//! `-ORB…` arguments, as CORBA users know them, and the environment variables that say the same.

use std::time::Duration;

use super::OrbConfig;
use crate::{
    cdr::Version,
    transport::{Endpoint, EndpointError},
};

/// What `-ORB…` arguments and `UPCALL_…` variables set.
///
/// | argument | variable | sets |
/// |---|---|---|
/// | `-ORBInitRef name=url` | `UPCALL_INIT_REF` (several: blanks between) | [`OrbConfig::init_refs`] |
/// | `-ORBDefaultInitRef url` | `UPCALL_DEFAULT_INIT_REF` | [`OrbConfig::default_init_ref`] |
/// | `-ORBListenEndpoints url`, `-ORBendPoint giop:tcp:host:port` | `UPCALL_LISTEN` (several: blanks between) | [`OrbArguments::listen`] |
/// | `-ORBServerId name` | `UPCALL_SERVER_ID` | [`OrbConfig::server_id`] |
/// | `-ORBclientCallTimeOutPeriod ms` | `UPCALL_TIMEOUT_MS` | [`OrbConfig::timeout`] |
/// | `-ORBmaxGIOPVersion 1.2` | `UPCALL_MAX_GIOP_VERSION` | [`OrbConfig::max_version`] |
/// | `-ORBgiopMaxMsgSize bytes` | `UPCALL_MAX_MESSAGE_SIZE` | [`OrbConfig::max_message_size`] |
/// | `-ORBtraceLevel n` | `UPCALL_TRACE_LEVEL` | [`OrbArguments::trace_level`] |
/// | `-ORBId name` | | accepted, and of no effect |
///
/// The case of the argument does not matter, and `-ORBx=y` is `-ORBx y` where `y` needs no `=`.
#[derive(Clone, Debug, Default)]
pub struct OrbArguments {
    /// Where to listen, in order.
    pub listen: Vec<Endpoint>,
    /// How much to log: 0 nothing, 40 everything, as omniORB counts.
    pub trace_level: Option<u32>,
    /// The arguments that are not the ORB's, the program's name first if it was there.
    pub rest: Vec<String>,
}

/// Why an argument was not understood.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArgumentError {
    /// It is none of the `-ORB…` arguments that are known.
    #[error("{0} is not an argument of this ORB")]
    Unknown(String),
    /// Its value is missing.
    #[error("{0} needs a value")]
    Missing(String),
    /// Its value is wrong.
    #[error("{name} {value}: {reason}")]
    Value {
        /// The argument.
        name: String,
        /// Its value.
        value: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// The variables, and the arguments they stand for.
const VARIABLES: [(&str, &str); 8] = [
    ("UPCALL_INIT_REF", "-ORBInitRef"),
    ("UPCALL_DEFAULT_INIT_REF", "-ORBDefaultInitRef"),
    ("UPCALL_LISTEN", "-ORBListenEndpoints"),
    ("UPCALL_SERVER_ID", "-ORBServerId"),
    ("UPCALL_TIMEOUT_MS", "-ORBclientCallTimeOutPeriod"),
    ("UPCALL_MAX_GIOP_VERSION", "-ORBmaxGIOPVersion"),
    ("UPCALL_MAX_MESSAGE_SIZE", "-ORBgiopMaxMsgSize"),
    ("UPCALL_TRACE_LEVEL", "-ORBtraceLevel"),
];

impl OrbArguments {
    /// Takes the `-ORB…` arguments out of a command line and applies them to `config`.
    ///
    /// # Errors
    ///
    /// [`ArgumentError`] for an unknown `-ORB…` argument or a wrong value.
    pub fn parse(
        arguments: impl IntoIterator<Item = String>,
        config: &mut OrbConfig,
    ) -> Result<Self, ArgumentError> {
        let mut parsed = Self::default();
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            if !argument
                .get(..4)
                .is_some_and(|start| start.eq_ignore_ascii_case("-ORB"))
            {
                parsed.rest.push(argument);
                continue;
            }
            let (name, value) = match argument.split_once('=') {
                Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
                None => (argument, None),
            };
            let value = value
                .or_else(|| arguments.next())
                .ok_or_else(|| ArgumentError::Missing(name.clone()))?;
            parsed.apply(&name, &value, config)?;
        }
        Ok(parsed)
    }

    /// Applies the `UPCALL_…` variables that `variable` knows (such as `std::env::var(name).ok()`).
    ///
    /// # Errors
    ///
    /// [`ArgumentError`] for a wrong value.
    pub fn from_environment(
        variable: impl Fn(&str) -> Option<String>,
        config: &mut OrbConfig,
    ) -> Result<Self, ArgumentError> {
        let mut parsed = Self::default();
        for (name, argument) in VARIABLES {
            let Some(values) = variable(name) else { continue };
            for value in values.split_whitespace() {
                parsed
                    .apply(argument, value, config)
                    .map_err(|error| renamed(error, name))?;
            }
        }
        Ok(parsed)
    }

    fn apply(&mut self, name: &str, value: &str, config: &mut OrbConfig) -> Result<(), ArgumentError> {
        let wrong = |reason: String| ArgumentError::Value {
            name: name.into(),
            value: value.into(),
            reason,
        };
        let number = || value.parse::<u32>().map_err(|error| wrong(error.to_string()));
        match name.to_ascii_lowercase().as_str() {
            "-orbinitref" => {
                let (reference, url) = value
                    .split_once('=')
                    .ok_or_else(|| wrong("expected name=url".into()))?;
                config.init_refs.push((reference.into(), url.into()));
            }
            "-orbdefaultinitref" => config.default_init_ref = Some(value.into()),
            "-orblistenendpoints" | "-orbendpoint" | "-orblisten" => {
                self.listen.push(
                    value
                        .parse()
                        .map_err(|error: EndpointError| wrong(error.to_string()))?,
                );
            }
            "-orbserverid" => config.server_id = Some(value.into()),
            "-orbclientcalltimeoutperiod" => {
                // As omniORB has it, 0 is no limit.
                config.timeout = match number()? {
                    0 => super::FOREVER,
                    milliseconds => Duration::from_millis(milliseconds.into()),
                };
            }
            "-orbmaxgiopversion" => {
                config.max_version =
                    version(value).ok_or_else(|| wrong("expected 1.0, 1.1 or 1.2".into()))?;
            }
            "-orbgiopmaxmsgsize" => {
                config.max_message_size = value.parse().map_err(|error| wrong(format!("{error}")))?;
            }
            "-orbtracelevel" => self.trace_level = Some(number()?),
            "-orbid" => {}
            _ => return Err(ArgumentError::Unknown(name.into())),
        }
        Ok(())
    }
}

fn version(text: &str) -> Option<Version> {
    [Version::V1_0, Version::V1_1, Version::V1_2]
        .into_iter()
        .find(|version| version.to_string() == text)
}

fn renamed(error: ArgumentError, variable: &str) -> ArgumentError {
    match error {
        ArgumentError::Value { value, reason, .. } => ArgumentError::Value {
            name: variable.into(),
            value,
            reason,
        },
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<(OrbArguments, OrbConfig), ArgumentError> {
        let mut config = OrbConfig::default();
        let parsed = OrbArguments::parse(arguments.iter().map(|&argument| argument.to_owned()), &mut config)?;
        Ok((parsed, config))
    }

    #[test]
    fn the_orbs_arguments_are_taken_out_of_the_command_line() {
        let line = [
            "prog",
            "-ORBInitRef",
            "NameService=corbaloc::h/NameService",
            "file",
            "-ORBServerId",
            "a",
            "-x",
        ];
        let (parsed, config) = parse(&line).expect("understood");
        assert_eq!(parsed.rest, ["prog", "file", "-x"]);
        assert_eq!(
            config.init_refs,
            [("NameService".into(), "corbaloc::h/NameService".into())]
        );
        assert_eq!(config.server_id.as_deref(), Some("a"));
    }

    #[test]
    fn omniorb_spellings_are_understood() {
        let line = [
            "-ORBendPoint",
            "giop:tcp::4000",
            "-ORBtraceLevel",
            "25",
            "-ORBclientCallTimeOutPeriod",
            "0",
        ];
        let (parsed, config) = parse(&line).expect("understood");
        assert_eq!(parsed.listen, [Endpoint::iiop("", 4000)]);
        assert_eq!(parsed.trace_level, Some(25));
        assert_eq!(config.timeout, super::super::FOREVER);
    }

    #[test]
    fn a_value_may_follow_an_equals_sign() {
        let (_, config) = parse(&["-orbmaxgiopversion=1.1"]).expect("understood");
        assert_eq!(config.max_version, Version::V1_1);
    }

    #[test]
    fn errors_name_the_argument_and_the_reason() {
        let text = |line: &[&str]| parse(line).expect_err("wrong").to_string();
        assert_eq!(text(&["-ORBfoo", "1"]), "-ORBfoo is not an argument of this ORB");
        assert_eq!(text(&["-ORBServerId"]), "-ORBServerId needs a value");
        assert!(text(&["-ORBmaxGIOPVersion", "2"]).contains("expected 1.0"));
        assert!(text(&["-ORBInitRef", "x"]).contains("name=url"));
    }

    #[test]
    fn the_environment_says_the_same() {
        let mut config = OrbConfig::default();
        let variable = |name: &str| match name {
            "UPCALL_INIT_REF" => Some("A=corbaloc::a/A B=corbaloc::b/B".to_owned()),
            "UPCALL_LISTEN" => Some("iiop://:0 iiop://h:1".to_owned()),
            _ => None,
        };
        let parsed = OrbArguments::from_environment(variable, &mut config).expect("understood");
        assert_eq!((config.init_refs.len(), parsed.listen.len()), (2, 2));
        let error = OrbArguments::from_environment(|_| Some("?".into()), &mut config).expect_err("wrong");
        assert!(error.to_string().starts_with("UPCALL_INIT_REF"), "{error}");
    }
}
