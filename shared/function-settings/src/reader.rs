//! Reads a value of each kind from its variable and collects the mistakes.

use std::{fmt, str::FromStr};

use crate::Lookup;

/// Reads values of each kind and collects the mistakes. You get one from [`Variables::read`](crate::Variables::read).
pub struct Reader<'a> {
    value: &'a Lookup,
    mistakes: Vec<String>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(value: &'a Lookup) -> Self {
        Self { value, mistakes: Vec::new() }
    }

    pub(crate) fn into_mistakes(self) -> Vec<String> {
        self.mistakes
    }

    /// A text that may be missing.
    pub fn optional(&self, name: &str) -> Option<String> {
        (self.value)(name).filter(|value| !value.is_empty())
    }

    /// A text that must be set.
    pub fn text(&mut self, name: &str) -> String {
        let value = self.optional(name);
        self.set(name, value)
    }

    /// A whole number from 0 to 4,294,967,295 that must be set.
    pub fn number(&mut self, name: &str) -> u32 {
        let text = self.text(name);
        if text.is_empty() { 0 } else { self.whole(name, &text) }
    }

    /// A whole number as of [`number`](Self::number), or a default where the variable is not set.
    pub fn number_or(&mut self, name: &str, otherwise: u32) -> u32 {
        self.optional(name).map_or(otherwise, |text| self.whole(name, &text))
    }

    /// The URL of a web service, which must be set: `http` or `https`, and a host.
    pub fn url(&mut self, name: &str) -> String {
        let value = self.optional_url(name);
        self.set(name, value)
    }

    /// The same, which may be missing.
    pub fn optional_url(&mut self, name: &str) -> Option<String> {
        let url = self.optional(name)?;
        let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
        if !rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with(['/', ':', '?', '#'])) {
            self.mistake(format!("{name} is not the URL of a web service"));
        }
        Some(url)
    }

    /// An Amazon Resource Name that must be set.
    pub fn arn(&mut self, name: &str) -> String {
        let value = self.optional_arn(name);
        self.set(name, value)
    }

    /// The same, which may be missing.
    pub fn optional_arn(&mut self, name: &str) -> Option<String> {
        let arn = self.optional(name)?;
        self.check_arn(name, &arn);
        Some(arn)
    }

    /// Amazon Resource Names, at least one, separated by commas.
    pub fn arns(&mut self, name: &str) -> Vec<String> {
        let arns = self.list(name);
        if arns.is_empty() {
            self.mistake(format!("{name} is not set"));
        }
        arns.iter().for_each(|arn| self.check_arn(name, arn));
        arns
    }

    /// Texts separated by commas; none where the variable is not set.
    pub fn list(&self, name: &str) -> Vec<String> {
        let names = self.optional(name).unwrap_or_default();
        names.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
    }

    /// A value that is parsed from the variable, or the type's default where the variable is not set.
    pub fn parsed<T>(&mut self, name: &str) -> T
    where
        T: FromStr<Err: fmt::Display> + Default,
    {
        let parsed = self.optional(name).map(|text| text.parse().map_err(|error| format!("{name}: {error}")));
        self.kept(parsed.unwrap_or_else(|| Ok(T::default())))
    }

    /// Takes a value that other code has made of variables. If that failed, the mistake is collected with the others; it should name the variables.
    pub fn kept<T: Default>(&mut self, made: Result<T, impl fmt::Display>) -> T {
        made.unwrap_or_else(|mistake| {
            self.mistake(mistake.to_string());
            T::default()
        })
    }

    /// Reports a mistake that several variables make together. A mistake that is reported twice is listed once.
    pub fn mistake(&mut self, mistake: String) {
        if !self.mistakes.contains(&mistake) {
            self.mistakes.push(mistake);
        }
    }

    fn set(&mut self, name: &str, value: Option<String>) -> String {
        value.unwrap_or_else(|| {
            self.mistake(format!("{name} is not set"));
            String::new()
        })
    }

    fn whole(&mut self, name: &str, text: &str) -> u32 {
        self.kept(text.parse().map_err(|_| format!("{name}={text:?} is not a whole number")))
    }

    /// `arn:<partition>:<service>:<region>:<account>:<resource>`, of which region and account may be empty.
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html>
    fn check_arn(&mut self, name: &str, arn: &str) {
        let parts: Vec<_> = arn.splitn(6, ':').collect();
        let is_arn = matches!(*parts, ["arn", partition, service, _, _, resource]
            if ![partition, service, resource].contains(&""));
        if !is_arn {
            self.mistake(format!("{name}: {arn:?} is not an ARN"));
        }
    }
}

impl fmt::Debug for Reader<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("mistakes", &self.mistakes).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Variables;

    fn mistakes<T>(of: &'static [(&str, &str)], settings: impl FnOnce(&mut Reader<'_>) -> T) -> Vec<String> {
        let value = |name: &str| Some(of.iter().find(|(known, _)| *known == name)?.1.to_owned());
        Variables::from_fn(value).read(settings).err().map(|error| error.0).unwrap_or_default()
    }

    #[test]
    fn an_empty_variable_is_not_set() {
        let read = |read: &mut Reader<'_>| {
            let values = (read.text("A"), read.text("B"), read.number("C"), read.url("D"), read.arn("E"));
            assert_eq!(values, (String::new(), "b".to_owned(), 0, String::new(), String::new()));
            assert_eq!((read.optional("A"), read.number_or("C", 7), read.optional_arn("E")), (None, 7, None));
            assert_eq!((read.arns("F"), read.list("F"), read.parsed::<u8>("G")), (vec![], vec![], 0));
        };
        let expected = ["A", "C", "D", "E", "F"].map(|name| format!("{name} is not set"));
        assert_eq!(
            mistakes(&[("A", ""), ("B", "b"), ("C", ""), ("D", ""), ("E", ""), ("F", " ,"), ("G", "")], read),
            expected
        );
    }

    #[test]
    fn each_kind_refuses_others_and_says_which() {
        let read = |read: &mut Reader<'_>| {
            (
                read.number("N"),
                read.number_or("N", 1),
                read.url("U"),
                read.arn("A"),
                read.arns("L"),
                read.parsed::<bool>("P"),
            )
        };
        let expected = [
            r#"N="-1" is not a whole number"#,
            "U is not the URL of a web service",
            r#"A: "table" is not an ARN"#,
            r#"L: "q" is not an ARN"#,
            "P: provided string was not `true` or `false`",
        ];
        let wrong =
            &[("N", "-1"), ("U", "user:secret@host"), ("A", "table"), ("L", "arn:aws:sqs:::q, q"), ("P", "maybe")];
        assert_eq!(mistakes(wrong, read), expected);
        for wrong in ["https://", "http:///path", "ftp://host", "host"] {
            let value = move |_: &str| Some(wrong.to_owned());
            assert!(Variables::from_fn(value).read(|read| read.url("U")).is_err(), "{wrong}");
        }
        for right in ["http://127.0.0.1:9", "https://sqs.eu-central-1.amazonaws.com/1/q"] {
            let value = move |_: &str| Some(right.to_owned());
            assert_eq!(Variables::from_fn(value).read(|read| read.url("U")).as_deref(), Ok(right));
        }
        for right in ["arn:aws:iam::111111111111:role/x", "arn:aws-cn:sns:cn-north-1:111111111111:topic:part"] {
            let value = move |_: &str| Some(right.to_owned());
            assert_eq!(Variables::from_fn(value).read(|read| read.arn("A")).as_deref(), Ok(right));
        }
    }
}
