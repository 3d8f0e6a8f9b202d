//! Function zips from native binaries: what cargo-lambda makes for AWS, without the cross-compilation.

use std::io::{Cursor, Write};

use anyhow::{Context, Result};
use aws_lc_rs::digest::{SHA256, digest};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use crate::ministack::program_beside;

/// A zipped function and the S3 key it goes to. The key holds the content's hash: re-deploying an unchanged key changes
/// nothing.
#[derive(Debug)]
pub struct Package {
    /// The binary, and with it the folder below `target/lambda` that the template names.
    pub function: String,
    /// S3 key.
    pub key: String,
    /// The zip.
    pub zip: Vec<u8>,
}

/// Zips the binary of `function` as `bootstrap`, uncompressed: it travels over loopback only.
pub fn package(function: &str) -> Result<Package> {
    let path = program_beside(function)?;
    let binary = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let hash: String = digest(&SHA256, &binary).as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let mut zip = ZipWriter::new(Cursor::new(Vec::with_capacity(binary.len() + 512)));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored).unix_permissions(0o755);
    zip.start_file("bootstrap", options)?;
    zip.write_all(&binary)?;
    Ok(Package {
        function: function.to_owned(),
        key: format!("{function}-{hash}.zip"),
        zip: zip.finish()?.into_inner(),
    })
}
