// SPDX-License-Identifier: MIT OR Apache-2.0
//! The smallest rustorb server: it is never run, only its size is looked at.

use std::sync::Arc;

use rustorb_core::{EndpointAddr, InStream, Orb, OrbOptions, Servant, ServerReply, SystemException};

struct Null;

impl Servant for Null {
    fn repository_id(&self) -> &str {
        "IDL:Bench/Target:1.0"
    }

    fn dispatch(
        &self,
        _operation: &str,
        _input: &mut InStream<'_>,
        _reply: &mut ServerReply,
    ) -> Result<(), SystemException> {
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let endpoints = vec![EndpointAddr { host: "127.0.0.1".into(), port: 0 }];
    let orb = Orb::with_options(OrbOptions { endpoints, ..OrbOptions::default() })?;
    let root = orb.root_poa()?;
    let id = root.activate_object(Arc::new(Null))?;
    root.the_poa_manager().activate()?;
    println!("{}", orb.object_to_string(Some(&root.id_to_reference(&id)?))?);
    orb.run();
    Ok(())
}
