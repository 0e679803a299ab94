// SPDX-License-Identifier: MIT OR Apache-2.0
//! `upcall names`: looks into a naming service of any ORB, and changes what it knows.

use std::fmt::Write;

use clap::{Args, Subcommand};
use services::naming::{Listing, Naming, NamingError, OrbNaming, server};
use upcall::{Orb, OrbBuilder};

use crate::failure::Failure;
use crate::output::say;

/// Which naming service, and what to do there.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Where the naming service is: IOR:…, corbaloc:… or file:… [default: the ORB's NameService]
    #[arg(short, long, value_name = "URL", global = true)]
    service: Option<String>,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Lists the names in a context
    List {
        /// The context, as id.kind/id.kind [default: the root]
        name: Option<String>,
        /// Everything below it as well
        #[arg(short, long)]
        recursive: bool,
    },
    /// Binds an object to a name
    Bind {
        /// The name, as id.kind/id.kind
        name: String,
        /// IOR:…, corbaloc:…, corbaname:… or file:…
        reference: String,
        /// Replace what the name is bound to
        #[arg(short, long)]
        force: bool,
        /// Make the contexts on the way that are not there
        #[arg(short, long)]
        parents: bool,
    },
    /// Prints the reference that a name is bound to
    Resolve {
        /// The name, as id.kind/id.kind
        name: String,
    },
    /// Frees a name
    Unbind {
        /// The name, as id.kind/id.kind
        name: String,
    },
    /// Is a naming service, until Ctrl-C; its names live in memory and end with it
    Serve {
        /// Where to listen: iiop://HOST:PORT; without a host, at every address
        #[arg(short, long, value_name = "URL", default_value = "iiop://127.0.0.1:2809")]
        listen: String,
    },
}

/// Does it, and returns what to print.
pub(crate) fn run(
    build: impl FnOnce(OrbBuilder) -> Result<Orb, Failure>,
    options: &Options,
) -> Result<String, Failure> {
    if let Action::Serve { listen } = &options.action {
        return serve(&build(Orb::builder().listen(listen))?);
    }
    let orb = build(Orb::builder())?;
    let naming = find(&orb, options.service.as_deref())?;
    change(&orb, naming, &options.action)
}

fn serve(orb: &Orb) -> Result<String, Failure> {
    let root = server::start(orb).map_err(|error| Failure::new(error.to_string()))?;
    for endpoint in orb.endpoints() {
        // What else it listens at is in the reference only.
        if let Some(address) = endpoint.to_string().strip_prefix("iiop://") {
            say(format_args!("corbaloc:iiop:1.2@{address}/NameService\n"))?;
        }
    }
    say(format_args!("{}\n", orb.object_to_string(root.context())))?;
    orb.run().map_err(|error| Failure::new(error.to_string()))?;
    Ok(String::new())
}

fn change(orb: &Orb, naming: Naming, action: &Action) -> Result<String, Failure> {
    match action {
        // It needs no service that runs already.
        Action::Serve { .. } => Ok(String::new()),
        Action::List { name, recursive } => {
            let context = match name {
                Some(name) => naming.enter(name).map_err(failure)?,
                None => naming,
            };
            let mut text = String::new();
            list(&context, if *recursive { 32 } else { 1 }, 0, &mut text)?;
            Ok(text)
        }
        Action::Bind {
            name,
            reference,
            force,
            parents,
        } => {
            let object = orb
                .string_to_object(reference)
                .map_err(|error| Failure::new(format!("{reference}: {error}")))?;
            if *parents {
                naming.make_contexts(name).map_err(failure)?;
            }
            let bound = if *force {
                naming.rebind(name, &object)
            } else {
                naming.bind(name, &object)
            };
            bound.map_err(failure)?;
            Ok(String::new())
        }
        Action::Resolve { name } => {
            let object = naming.resolve_object(name).map_err(failure)?;
            Ok(format!("{}\n", orb.object_to_string(&object)))
        }
        Action::Unbind { name } => naming.unbind(name).map_err(failure).map(|()| String::new()),
    }
}

fn find(orb: &Orb, service: Option<&str>) -> Result<Naming, Failure> {
    let hint = "name the service with --service corbaloc::HOST:PORT/NameService, or give -ORBInitRef NameService=URL; \
                `upcall names serve` is one";
    let naming = match service {
        Some(url) => orb.resolve(url).map(Naming::new),
        None => orb.naming(),
    };
    naming.map_err(|error| Failure::new(format!("no naming service: {error}")).hint(hint))
}

fn list(context: &Naming, depth: usize, indent: usize, text: &mut String) -> Result<(), Failure> {
    let entries: Listing = context.list().map_err(failure)?;
    for entry in entries {
        let entry = entry.map_err(failure)?;
        let (name, mark) = (entry.name.to_string(), if entry.is_context { "/" } else { "" });
        let _ = writeln!(text, "{:indent$}{name}{mark}", "");
        if entry.is_context && depth > 1 {
            match context.enter(&name) {
                Ok(below) => list(&below, depth - 1, indent + 2, text)?,
                Err(error) => {
                    let _ = writeln!(text, "{:indent$}  ({error})", "");
                }
            }
        }
    }
    Ok(())
}

fn failure(error: NamingError) -> Failure {
    let hint = match &error {
        NamingError::Name(_) => {
            Some("a name is id.kind/id.kind; `/`, `.` and `\\` within an id take a `\\` before them")
        }
        NamingError::NotFound { .. } => {
            Some("`upcall names list --recursive` shows what there is; `bind --parents` makes contexts")
        }
        NamingError::AlreadyBound { .. } => Some("`bind --force` replaces it"),
        _ => None,
    };
    let failure = Failure::new(error.to_string());
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}
