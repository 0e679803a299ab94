// SPDX-License-Identifier: MIT OR Apache-2.0
//! From a name or a URL to a reference.

use std::sync::Arc;

use super::OrbCore;
use crate::{
    cdr::{CdrError, Decoder, Encoder},
    exception::{Completed, Result, SystemException, SystemExceptionKind as Kind, minor},
    invoke::{Call, Operation},
    ior::Ior,
    object::{Interface, ObjectRef},
    url::{Corbaloc, ObjectUrl},
};

/// How many references may refer to each other (initial references, files) before we give up.
const MAX_STEPS: u32 = 8;

/// What a corbaloc URL is looked up with in a naming context.
const NAME_SERVICE: &str = "NameService";

impl OrbCore {
    /// Returns the reference that a URL names: `IOR:`, `corbaloc:`, `corbaname:` or `file:`.
    ///
    /// # Errors
    ///
    /// `BAD_PARAM` if the text is no such URL, `INV_OBJREF` if it names nil, and what resolving it raises.
    pub fn string_to_object(self: &Arc<Self>, url: &str) -> Result<ObjectRef> {
        self.url_to_object(url, MAX_STEPS)
    }

    /// Returns the reference as `IOR:` and hexadecimal digits.
    pub fn object_to_string(&self, object: &impl AsRef<ObjectRef>) -> String {
        object.as_ref().ior().to_string()
    }

    /// Returns the reference that a URL names, as one of `T`; the object is asked if the reference does not say.
    ///
    /// # Errors
    ///
    /// As [`OrbCore::string_to_object`], and `BAD_PARAM` if the object is of another type.
    pub fn resolve<T: Interface>(self: &Arc<Self>, url: &str) -> Result<T> {
        let object = self.string_to_object(url)?;
        object.narrow::<T>().wait()?.ok_or_else(|| {
            SystemException::new(Kind::BadParam, minor::NARROW_FAILED, Completed::No)
                .with_message(format!("{url} names an object that is no {}", T::REPOSITORY_ID))
        })
    }

    /// Makes a reference known under a name (`register_initial_reference`).
    pub fn register_initial(&self, name: impl Into<String>, object: &ObjectRef) {
        self.initial.write().insert(name.into(), object.ior().clone());
    }

    /// Returns the names of the initial references that are known.
    pub fn initial_names(&self) -> Vec<String> {
        let registered = self.initial.read();
        let configured = self.config.init_refs.iter().map(|(name, _)| name);
        let mut names: Vec<_> = registered.keys().chain(configured).cloned().collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Returns an initial reference (`resolve_initial_references`): one that was registered, one that
    /// `-ORBInitRef` gave, or one below `-ORBDefaultInitRef`, in this order (CORBA 3.3 Part 1 §8.5.3.2).
    ///
    /// # Errors
    ///
    /// `BAD_PARAM` if there is none of that name, and what resolving its URL raises.
    pub fn resolve_initial(self: &Arc<Self>, name: &str) -> Result<ObjectRef> {
        self.initial_at(name, MAX_STEPS)
    }

    fn initial_at(self: &Arc<Self>, name: &str, steps: u32) -> Result<ObjectRef> {
        if let Some(ior) = self.initial.read().get(name) {
            return Ok(self.object(ior.clone()));
        }
        let given = self
            .config
            .init_refs
            .iter()
            .rev()
            .find(|(given, _)| given == name);
        if let Some((_, url)) = given {
            return self.url_to_object(url, steps);
        }
        if let Some(base) = &self.config.default_init_ref {
            return self.url_to_object(&format!("{base}/{name}"), steps);
        }
        Err(bad_url(name, "there is no initial reference of this name"))
    }

    fn url_to_object(self: &Arc<Self>, url: &str, steps: u32) -> Result<ObjectRef> {
        let steps = steps
            .checked_sub(1)
            .ok_or_else(|| bad_url(url, "references refer to each other"))?;
        match url
            .parse()
            .map_err(|error| SystemException::from(error).with_context(url))?
        {
            ObjectUrl::Ior(ior) => self.not_nil(ior, url),
            ObjectUrl::Corbaloc(location) => self.location(&location, url, steps),
            ObjectUrl::Corbaname { context, name } => {
                let context = self.location(&context, url, steps)?;
                if name.is_empty() {
                    Ok(context)
                } else {
                    look_up(&context, &name, url)
                }
            }
            ObjectUrl::File(path) => {
                let text =
                    std::fs::read_to_string(&path).map_err(|error| bad_url(url, &error.to_string()))?;
                self.url_to_object(text.trim(), steps)
            }
        }
    }

    fn location(self: &Arc<Self>, location: &Corbaloc, url: &str, steps: u32) -> Result<ObjectRef> {
        match (location.initial_reference(), location.reference()) {
            (Some(name), _) => self.initial_at(name, steps),
            (None, Some(ior)) => self.not_nil(ior, url),
            (None, None) => Err(bad_url(url, "it mixes rir: with other addresses")),
        }
    }

    fn not_nil(self: &Arc<Self>, ior: Ior, url: &str) -> Result<ObjectRef> {
        if ior.is_nil() {
            let exception = SystemException::new(Kind::InvObjref, 0, Completed::No);
            return Err(exception.with_message(format!("{url} names no object: it is nil")));
        }
        Ok(self.object(ior))
    }
}

fn bad_url(url: &str, reason: &str) -> SystemException {
    SystemException::new(Kind::BadParam, minor::BAD_OBJECT_URL, Completed::No)
        .with_message(format!("{url}: {reason}"))
}

fn look_up(context: &ObjectRef, name: &str, url: &str) -> Result<ObjectRef> {
    let name = parse_name(name).ok_or_else(|| bad_url(url, "the name after # is malformed"))?;
    let found = Call::<Resolve>::new(context, &name)
        .wait()
        .map_err(|exception| exception.with_context(url))?;
    found.ok_or_else(|| bad_url(url, "the name is bound to nil"))
}

/// A name component: id and kind.
type NameComponent = (String, String);

/// Reads a stringified name (CosNaming §2.4): components separated by `/`, id and kind by `.`, `\` escapes.
fn parse_name(text: &str) -> Option<Vec<NameComponent>> {
    let mut name = Vec::new();
    let mut component: (String, Option<String>) = Default::default();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        let literal = match character {
            '/' => {
                name.push(whole(std::mem::take(&mut component))?);
                continue;
            }
            '.' if component.1.is_none() => {
                component.1 = Some(String::new());
                continue;
            }
            '.' => return None,
            '\\' => characters
                .next()
                .filter(|escaped| matches!(escaped, '/' | '.' | '\\'))?,
            other => other,
        };
        component.1.as_mut().unwrap_or(&mut component.0).push(literal);
    }
    name.push(whole(component)?);
    Some(name)
}

/// `.` alone is the component with empty id and kind; `id.` and nothing at all are wrong.
fn whole((id, kind): (String, Option<String>)) -> Option<NameComponent> {
    match kind {
        None if id.is_empty() => None,
        Some(kind) if kind.is_empty() && !id.is_empty() => None,
        kind => Some((id, kind.unwrap_or_default())),
    }
}

/// `CosNaming::NamingContext::resolve`.
struct Resolve;

impl Operation for Resolve {
    const NAME: &'static str = "resolve";
    type Args<'a> = &'a [NameComponent];
    type Output = Option<ObjectRef>;
    type Error = SystemException;

    fn marshal<'e, 'a: 'e>(
        name: &'e &'a [NameComponent],
        encoder: &mut Encoder<'e>,
    ) -> std::result::Result<(), CdrError> {
        encoder.sequence_len(name.len(), None)?;
        name.iter().try_for_each(|(id, kind)| {
            encoder.string(id)?;
            encoder.string(kind)
        })
    }

    fn unmarshal(decoder: &mut Decoder<'_>) -> std::result::Result<Option<ObjectRef>, CdrError> {
        decoder.object()
    }

    fn user_exception(
        id: &str,
        _: &mut Decoder<'_>,
    ) -> Option<std::result::Result<SystemException, CdrError>> {
        let name = id
            .trim_start_matches("IDL:omg.org/CosNaming/NamingContext/")
            .trim_end_matches(":1.0");
        let exception = SystemException::new(Kind::BadParam, minor::BAD_OBJECT_URL, Completed::Yes);
        Some(Ok(
            exception.with_message(format!("the {NAME_SERVICE} says {name}"))
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ior::IiopProfile, orb::OrbConfig};

    fn core(config: OrbConfig) -> Arc<OrbCore> {
        OrbCore::new(config, Vec::new())
    }

    fn key(object: &ObjectRef) -> Vec<u8> {
        object
            .ior()
            .iiop_profiles()
            .next()
            .expect("a profile")
            .object_key
            .to_vec()
    }

    #[test]
    fn names_are_read_as_the_naming_service_writes_them() {
        let component = |id: &str, kind: &str| (id.to_owned(), kind.to_owned());
        assert_eq!(
            parse_name("a/b.c"),
            Some(vec![component("a", ""), component("b", "c")])
        );
        assert_eq!(
            parse_name("./.k"),
            Some(vec![component("", ""), component("", "k")])
        );
        assert_eq!(parse_name(r"a\/b\.c\\"), Some(vec![component(r"a/b.c\", "")]));
        for wrong in ["", "a//b", "a.", "a.b.c", r"a\x", r"a\"] {
            assert_eq!(parse_name(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn initial_references_come_from_where_the_standard_says_in_its_order() {
        let config = OrbConfig {
            init_refs: vec![
                ("A".into(), "corbaloc::h:1/given".into()),
                ("B".into(), "corbaloc:rir:/A".into()),
            ],
            default_init_ref: Some("corbaloc::h:1".into()),
            ..OrbConfig::default()
        };
        let core = core(config);
        assert_eq!(key(&core.resolve_initial("A").expect("given")), b"given");
        assert_eq!(key(&core.resolve_initial("B").expect("refers to A")), b"given");
        assert_eq!(key(&core.resolve_initial("C").expect("default")), b"C");
        let registered = core.object(Ior::iiop("", &IiopProfile::new("h", 1, &b"registered"[..])));
        core.register_initial("A", &registered);
        assert_eq!(
            key(&core.resolve_initial("A").expect("registered")),
            b"registered"
        );
        assert_eq!(core.initial_names(), ["A", "B"]);
    }

    #[test]
    fn references_that_refer_to_each_other_end() {
        let config = OrbConfig {
            init_refs: vec![
                ("A".into(), "corbaloc:rir:/B".into()),
                ("B".into(), "corbaloc:rir:/A".into()),
            ],
            ..OrbConfig::default()
        };
        let error = core(config).resolve_initial("A").expect_err("a circle");
        assert_eq!(error.kind(), Kind::BadParam);
    }

    #[test]
    fn a_reference_survives_being_a_string() {
        let core = core(OrbConfig::default());
        let object = core.object(Ior::iiop("IDL:A:1.0", &IiopProfile::new("h", 1, &b"k"[..])));
        let again = core
            .string_to_object(&core.object_to_string(&object))
            .expect("an IOR");
        assert_eq!(object, again);
        assert_eq!(again.ior().type_id, "IDL:A:1.0");
    }

    #[test]
    fn what_is_no_reference_is_refused_with_the_reason() {
        let core = core(OrbConfig::default());
        for (url, kind, text) in [
            ("http://x", Kind::BadParam, "IOR:"),
            ("file:/nonexistent/x.ior", Kind::BadParam, "nonexistent"),
            (&Ior::nil().to_string(), Kind::InvObjref, "nil"),
            (
                "corbaloc:rir:/NameService",
                Kind::BadParam,
                "no initial reference",
            ),
        ] {
            let error = core.string_to_object(url).expect_err("refused");
            assert_eq!(error.kind(), kind, "{url}");
            assert!(error.to_string().contains(text), "{error}");
        }
    }
}
