//! SBAT: generations of the parts of a boot loader, of which old ones are revoked (shim's `SBAT.md`).
//!
//! A program says in its section `.sbat` which [`Components`] it is made of; a [`Level`] says from which
//! generation on each counts. What the level does not name, counts.

use super::error::{Problem, Refusal};

/// The longest text, in bytes. Real ones have less than 1 KB.
pub const MAX_LENGTH: usize = 64 * 1024;

/// A row: a name, and a generation.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Row {
    component: String,
    generation: u64,
}

/// What a program says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Components(Vec<Row>);

/// From which generation on components count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Level(Vec<Row>);

impl Components {
    /// Reads the content of a section `.sbat`: rows of component, generation, vendor, package, version, URL.
    ///
    /// # Errors
    /// [`Problem::Damaged`].
    pub fn read(section: &[u8]) -> Result<Components, Problem> {
        let rows = rows(section, 6)?;
        match rows.first().is_some_and(|row| row.component == "sbat") {
            true => Ok(Components(rows)),
            false => Err(Problem::Damaged(
                "its SBAT does not begin with a row `sbat`",
            )),
        }
    }
}

impl Level {
    /// Reads a level: rows of component and generation, in the first of which stands a date, too. It is the
    /// content of the variable `SbatLevelRT` without the attributes, or a file of the policy.
    ///
    /// # Errors
    /// [`Problem::Damaged`].
    pub fn read(text: &[u8]) -> Result<Level, Problem> {
        Ok(Level(rows(text, 2)?))
    }

    /// Adds what another level names: the stricter one counts.
    pub fn extend(&mut self, other: Level) {
        self.0.extend(other.0);
    }

    /// Does it name nothing?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Do all components count?
    ///
    /// # Errors
    /// [`Refusal`] with [`Problem::Generation`]: the first one that does not.
    pub fn check(&self, program: &Components) -> Result<(), Refusal> {
        for Row {
            component,
            generation,
        } in &program.0
        {
            let rows = self.0.iter().filter(|row| row.component == *component);
            let needs = rows.map(|row| row.generation).max().unwrap_or(0);
            if *generation < needs {
                return Err(Refusal::of(Problem::Generation {
                    component: component.clone(),
                    has: *generation,
                    needs,
                }));
            }
        }
        Ok(())
    }
}

/// The rows of a text, which have at least this many fields. Zeros may fill it up.
fn rows(text: &[u8], fields: usize) -> Result<Vec<Row>, Problem> {
    const DAMAGED: Problem = Problem::Damaged("its SBAT can't be read");
    if text.len() > MAX_LENGTH {
        return Err(Problem::TooMany("bytes of SBAT"));
    }
    let end = text
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(text.len());
    let (text, zeros) = text.split_at_checked(end).ok_or(DAMAGED)?;
    if zeros.iter().any(|byte| *byte != 0) {
        return Err(DAMAGED);
    }
    let text = std::str::from_utf8(text).map_err(|_| DAMAGED)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines = text.lines().filter(|line| !line.is_empty());
    lines
        .map(|line| {
            let mut parts = line.split(',');
            let (component, generation) = (parts.next(), parts.next());
            let is_whole = line.split(',').count() >= fields;
            let component = component.filter(|name| !name.is_empty() && is_whole);
            let generation =
                generation.filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
            let generation = generation.and_then(|text| text.parse().ok());
            // Generations begin at 1.
            match (component, generation) {
                (Some(component), Some(generation)) if generation > 0 => Ok(Row {
                    component: component.to_owned(),
                    generation,
                }),
                _ => Err(DAMAGED),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const GRUB: &str = "sbat,1,SBAT Version,sbat,1,https://example.org\n\
        grub,3,Free Software Foundation,grub,2.06,https://example.org\n\
        grub.debian,4,Debian,grub2,2.06-13,https://example.org\n";

    fn check(level: &str, program: &str) -> Result<(), String> {
        let level = Level::read(level.as_bytes()).unwrap();
        let program = Components::read(program.as_bytes()).unwrap();
        level.check(&program).map_err(|error| error.to_string())
    }

    #[test]
    fn old_generations_are_refused() {
        assert_eq!(
            check("sbat,1,2024010900\nshim,4\ngrub,3\ngrub.debian,4\n", GRUB),
            Ok(())
        );
        let refused = check("sbat,1,2024010900\ngrub,3\ngrub.debian,5\n", GRUB).unwrap_err();
        assert_eq!(
            refused,
            "its component \"grub.debian\" is of generation 4, and those before 5 are revoked: \
             install a newer version"
        );
        assert!(check("sbat,2,2024010900\n", GRUB).is_err());
        // The strictest of two rows.
        assert!(check("sbat,1,1\ngrub,4\ngrub,1\n", GRUB).is_err());
    }

    #[test]
    fn what_is_no_sbat() {
        for bad in [
            "",
            "grub,1,a,b,c,d\n",
            "sbat,1,a\n",
            "sbat,x,a,b,c,d\n",
            "sbat,0,a,b,c,d",
            "sbat,+1,a,b,c,d",
            "sbat,,a,b,c,d",
            "sbat,99999999999999999999,a,b,c,d",
            "sbat,1,a,b,c,d\n\0x",
        ] {
            assert!(Components::read(bad.as_bytes()).is_err(), "{bad:?}");
        }
        assert!(Components::read(b"sbat,1,a,b,c,d\n\0\0\0").is_ok());
        assert!(Level::read(b"sbat\n").is_err());
    }

    proptest! {
        #[test]
        fn nothing_panics(text in "[sbat,0-9\n\0]{0,40}") {
            let _ = (Components::read(text.as_bytes()), Level::read(text.as_bytes()));
        }
    }
}
