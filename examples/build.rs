// SPDX-License-Identifier: MIT OR Apache-2.0
//! Compiles the examples' IDL.
fn main() -> Result<(), Box<dyn std::error::Error>> {
    idl_gen::Config::new()
        .include("idl")
        .compile(&["idl/telemetry.idl", "idl/chat.idl", "idl/drive.idl"])?;
    Ok(())
}
