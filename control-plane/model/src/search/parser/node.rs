//! A service, as `service(…)` and `edge(…)` name it.

use super::{
    super::{NodeTest, kinds::kind},
    Parsed, Parser,
};

impl Parser<'_> {
    /// Reads a service and the bracket that closes it.
    pub(super) fn closed_node(&mut self) -> Parsed<NodeTest> {
        let node = self.node()?;
        self.expect(")")?;
        Ok(node)
    }

    /// Reads `"name"`, or `id(name: "…", type: "…", account.id: "…")`.
    pub(super) fn node(&mut self) -> Parsed<NodeTest> {
        let mut node = NodeTest::default();
        if !self.takes("id") {
            node.name = Some(self.text()?);
            return Ok(node);
        }
        self.expect("(")?;
        loop {
            if self.takes("name") {
                node.name = Some(self.field()?);
            } else if self.takes("type") {
                let given = self.field()?;
                node.kind = kind(&given).map(str::to_owned);
                if node.kind.is_none() {
                    let message = format!("{given} is a type of X-Ray's, but nothing here is of it");
                    self.refuse_by_name(self.at - 1, message);
                }
            } else if self.takes("account.id") {
                node.account = Some(self.field()?);
            } else {
                return self.expected("name, type or account.id");
            }
            if !self.takes(",") {
                self.expect(")")?;
                return Ok(node);
            }
        }
    }

    /// Reads `: "…"`.
    fn field(&mut self) -> Parsed<String> {
        self.expect(":")?;
        self.text()
    }
}
