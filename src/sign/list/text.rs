//! A [`Listing`] for people.

use std::io::{self, Write};

use pilotlight::text::Printable;

use super::listing::{Listing, ProgramListing, SignatureListing};
use super::manifest::{FileListing, ManifestListing};

/// Writes it. What a file says of itself moves no cursor.
pub(super) fn write(listing: &Listing, output: &mut dyn Write) -> io::Result<()> {
    writeln!(output, "{}", listing.file)?;
    if let Some(program) = &listing.program {
        write_program(program, output)?;
    }
    if let Some(manifest) = &listing.manifest {
        write_manifest(manifest, output)?;
    }
    if let Some(problem) = &listing.problem {
        writeln!(output, "  {problem}")?;
    } else if listing.signatures.is_empty() {
        writeln!(output, "  not signed")?;
    }
    for (number, signature) in (1_usize..).zip(&listing.signatures) {
        write_signature(number, signature, output)?;
    }
    Ok(())
}

fn write_program(program: &ProgramListing, output: &mut dyn Write) -> io::Result<()> {
    writeln!(output, "  program    for {}", program.machine)?;
    writeln!(
        output,
        "  sections   {}",
        Printable(&program.sections.join(" "))
    )?;
    for digest in &program.digests {
        writeln!(output, "  {:10} {}", digest.algorithm, digest.value)?;
    }
    for row in &program.sbat {
        let text = format!("{} {} ({})", row.component, row.generation, row.about);
        writeln!(output, "  SBAT       {}", Printable(&text))?;
    }
    Ok(())
}

fn write_manifest(manifest: &ManifestListing, output: &mut dyn Write) -> io::Result<()> {
    let (name, version) = (Printable(&manifest.name), manifest.version);
    match manifest.expires {
        None => writeln!(output, "  manifest   {name}, number {version}")?,
        Some(floor) => writeln!(
            output,
            "  manifest   {name}, number {version}, up to floor {floor}"
        )?,
    }
    for group in &manifest.groups {
        for FileListing { role, path, sha256 } in &group.files {
            writeln!(output, "    {role:10} {sha256} {}", Printable(path))?;
        }
        if let Some(cmdline) = &group.cmdline {
            writeln!(output, "      {:8} {}", "cmdline", Printable(cmdline))?;
        }
    }
    Ok(())
}

fn write_signature(
    number: usize,
    signature: &SignatureListing,
    output: &mut dyn Write,
) -> io::Result<()> {
    match &signature.problem {
        None => writeln!(output, "  signature {number}: intact")?,
        Some(why) if !signature.checked => {
            writeln!(
                output,
                "  signature {number}: not checked: {}",
                Printable(why)
            )?;
        }
        Some(problem) => writeln!(output, "  signature {number}: does not hold: {problem}")?,
    }
    for signer in &signature.signers {
        let name = signer
            .name
            .as_deref()
            .unwrap_or("someone whose certificate is not there");
        let digest = signer
            .digest
            .as_deref()
            .unwrap_or("a digest that does not count");
        writeln!(
            output,
            "    signed by    {}, with {digest}",
            Printable(name)
        )?;
    }
    writeln!(output, "    format       {}", signature.format)?;
    for certificate in &signature.certificates {
        writeln!(output, "    certificate  {}", Printable(&certificate.name))?;
        for (what, value) in [
            ("issued by", &certificate.issuer),
            ("key", &certificate.key),
            ("serial", &certificate.serial),
            ("SHA-256", &certificate.sha256),
            ("TBS SHA-256", &certificate.tbs_sha256),
        ] {
            writeln!(output, "      {what:12} {}", Printable(value))?;
        }
        let (from, until) = (&certificate.not_before, &certificate.not_after);
        writeln!(output, "      valid        {from} to {until}")?;
    }
    Ok(())
}
