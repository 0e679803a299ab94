// SPDX-License-Identifier: MIT OR Apache-2.0
//! Generates the Rust of the IDL that tests call through.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for stem in [
        "telemetry",
        "everything",
        "inheritance",
        "names",
        "values",
        "local",
        "main_thread",
        "datagrams",
    ] {
        idl_gen::Config::new().compile(&[format!("codegen/{stem}.idl")])?;
    }
    idl_gen::Config::new()
        .include("interop")
        .compile(&["interop/types.idl", "interop/corbajs/echo.idl"])?;
    Ok(())
}
