// SPDX-License-Identifier: MIT OR Apache-2.0
//! Compiles what `upcall calibrate` calls.
fn main() -> Result<(), Box<dyn std::error::Error>> {
    idl_gen::Config::new()
        .include("idl")
        .compile(&["idl/probe.idl"])?;
    Ok(())
}
