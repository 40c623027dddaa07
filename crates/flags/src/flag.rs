//! One flag, as a row of a daemon's table.

/// What a flag's value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `true` or `false`; `--name` and `--no-name` will do.
    Bool,
    /// Any text.
    Text,
    /// A whole number that is not negative.
    Integer,
    /// A decimal number.
    Number,
    /// A duration such as `10secs`.
    Duration,
    /// A size such as `64MB`.
    Bytes,
    /// The path of a file; `file://` before it changes nothing.
    Path,
}

/// What is done about a flag that was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Treatment {
    /// The daemon acts on it.
    Acted,
    /// Ignored, with a warning that says why that does no harm.
    Ignored(&'static str),
    /// Refused, with the effect that ignoring it would have; the values in `except` ask for nothing.
    Refused {
        /// What would be lost.
        effect: &'static str,
        /// Values that may be given all the same.
        except: &'static [&'static str],
    },
}

/// A flag.
#[derive(Clone, Copy, Debug)]
pub struct Flag {
    /// Its name, with underscores.
    pub name: &'static str,
    /// Other names that mean the same.
    pub aliases: &'static [&'static str],
    /// What its value is.
    pub kind: Kind,
    /// Its value when it is not given, as Mesos prints it.
    pub default: Option<&'static str>,
    /// One sentence for the help text.
    pub help: &'static str,
    /// What is done about it.
    pub treatment: Treatment,
}

impl Flag {
    const fn new(name: &'static str, kind: Kind, help: &'static str) -> Self {
        Self { name, aliases: &[], kind, default: None, help, treatment: Treatment::Acted }
    }

    /// A flag that is `true` or `false`.
    pub const fn bool(name: &'static str, default: bool, help: &'static str) -> Self {
        Self::new(name, Kind::Bool, help).or(if default { "true" } else { "false" })
    }

    /// A flag that takes any text.
    pub const fn text(name: &'static str, help: &'static str) -> Self {
        Self::new(name, Kind::Text, help)
    }

    /// A flag that takes a whole number.
    pub const fn integer(name: &'static str, help: &'static str) -> Self {
        Self::new(name, Kind::Integer, help)
    }

    /// A flag that takes a decimal number.
    pub const fn number(name: &'static str, help: &'static str) -> Self {
        Self::new(name, Kind::Number, help)
    }

    /// A flag that takes a duration.
    pub const fn duration(name: &'static str, help: &'static str) -> Self {
        Self::new(name, Kind::Duration, help)
    }

    /// A flag that takes a size.
    pub const fn bytes(name: &'static str, help: &'static str) -> Self {
        Self::new(name, Kind::Bytes, help)
    }

    /// A flag that takes the path of a file.
    pub const fn path(name: &'static str, help: &'static str) -> Self {
        Self::new(name, Kind::Path, help)
    }

    /// The value when it is not given.
    #[must_use]
    pub const fn or(mut self, default: &'static str) -> Self {
        self.default = Some(default);
        self
    }

    /// Other names that mean the same.
    #[must_use]
    pub const fn aliases(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    /// Ignored with a warning; `why` finishes the sentence "is ignored: ...".
    #[must_use]
    pub const fn ignored(mut self, why: &'static str) -> Self {
        self.treatment = Treatment::Ignored(why);
        self
    }

    /// Refused; `effect` finishes the sentence "is not supported: ...".
    #[must_use]
    pub const fn refused(mut self, effect: &'static str) -> Self {
        self.treatment = Treatment::Refused { effect, except: &[] };
        self
    }

    /// Refused, but for these values.
    #[must_use]
    pub const fn refused_unless(mut self, effect: &'static str, except: &'static [&'static str]) -> Self {
        self.treatment = Treatment::Refused { effect, except };
        self
    }
}
