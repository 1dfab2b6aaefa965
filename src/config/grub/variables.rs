//! Variables, and the contexts that hide them from each other (`grub-core/normal/context.c`).

use std::collections::BTreeMap;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Variable {
    value: String,
    exported: bool,
}

/// The variables of all contexts; the last one counts.
#[derive(Clone, Debug, Default)]
pub(super) struct Variables {
    current: BTreeMap<String, Variable>,
    outer: Vec<BTreeMap<String, Variable>>,
    /// Bytes of all names and values.
    size: usize,
}

impl Variables {
    /// The value; nothing for a variable that is not set.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.current
            .get(name)
            .map(|variable| variable.value.as_str())
    }

    /// Sets it. One that was exported stays so. `root` loses its parentheses, as in GRUB
    /// (`grub_env_write_root` in `grub-core/kern/main.c`).
    pub(super) fn set(&mut self, name: &str, value: impl Into<String>) {
        let mut value = value.into();
        if name == "root"
            && let Some(inside) = value.strip_prefix('(').and_then(|v| v.strip_suffix(')'))
        {
            value = inside.to_owned();
        }
        self.size = self.size.saturating_add(value.len());
        let old = std::mem::replace(&mut self.variable(name).value, value);
        self.size = self.size.saturating_sub(old.len());
    }

    /// Removes it.
    pub(super) fn unset(&mut self, name: &str) {
        if let Some(old) = self.current.remove(name) {
            self.size = self.size.saturating_sub(size(name, &old));
        }
    }

    /// Makes it visible in contexts that are opened from now on; one that is not set becomes empty.
    pub(super) fn export(&mut self, name: &str) {
        self.variable(name).exported = true;
    }

    /// The variable, which comes to be if it was not there.
    fn variable(&mut self, name: &str) -> &mut Variable {
        let context = &mut self.current;
        if !context.contains_key(name) {
            self.size = self.size.saturating_add(name.len());
        }
        context.entry(name.to_owned()).or_default()
    }

    /// Opens a context, for a submenu or another configuration. It begins with the variables that are
    /// exported, or with `all` of them.
    pub(super) fn open(&mut self, all: bool) {
        let mut next = BTreeMap::new();
        for (name, variable) in &self.current {
            if variable.exported || all {
                self.size = self.size.saturating_add(size(name, variable));
                let value = variable.value.clone();
                let exported = true;
                next.insert(name.clone(), Variable { value, exported });
            }
        }
        self.outer.push(std::mem::replace(&mut self.current, next));
    }

    /// Goes back to the context before; the first one stays.
    pub(super) fn close(&mut self) {
        if let Some(outer) = self.outer.pop() {
            let closed = std::mem::replace(&mut self.current, outer);
            let sizes = closed.iter().map(|(name, variable)| size(name, variable));
            self.size = sizes.fold(self.size, usize::saturating_sub);
        }
    }

    /// Names and values in the order of the names.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.current
            .iter()
            .map(|(name, variable)| (name.as_str(), variable.value.as_str()))
    }

    /// How many bytes they take, in all contexts.
    pub(super) fn size(&self) -> usize {
        self.size
    }
}

fn size(name: &str, variable: &Variable) -> usize {
    name.len().saturating_add(variable.value.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contexts_see_what_is_exported() {
        let mut variables = Variables::default();
        variables.set("a", "1");
        variables.set("b", "2");
        variables.export("b");
        variables.export("c");
        variables.open(false);
        assert_eq!(variables.get("a"), None);
        assert_eq!(variables.get("c"), Some(""));
        variables.set("b", "3");
        variables.open(false);
        assert_eq!(variables.get("b"), Some("3"));
        variables.close();
        variables.close();
        assert_eq!(variables.get("b"), Some("2"));
        variables.close();
        assert_eq!(variables.get("a"), Some("1"));
        variables.unset("a");
        assert_eq!(variables.get("a"), None);
        let all: Vec<_> = variables.iter().collect();
        assert_eq!(all, [("b", "2"), ("c", "")]);
        assert_eq!(variables.size(), 3);
    }
}
