// SPDX-License-Identifier: MIT OR Apache-2.0
//! Compiles what the ORBs are measured with.
fn main() -> Result<(), Box<dyn std::error::Error>> {
    idl_gen::Config::new()
        .include("idl")
        .compile(&["idl/bench.idl"])?;
    Ok(())
}
