//! Who is next. Each agent waits for one moment only, so that a list for each millisecond is enough, and cheap.

pub(super) struct Agenda {
    /// By millisecond, the agent that came last.
    heads: Vec<u32>,
    /// By agent, the one that came before it.
    links: Vec<u32>,
    now: usize,
}

impl Agenda {
    pub(super) fn new(agents: u32, milliseconds: u64) -> Self {
        let len = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
        Self { heads: vec![NOBODY; len(milliseconds)], links: vec![NOBODY; len(u64::from(agents))], now: 0 }
    }

    /// Nothing comes of a moment after the last.
    pub(super) fn put(&mut self, agent: u32, at: u64) {
        let head = usize::try_from(at).ok().and_then(|at| self.heads.get_mut(at));
        let link = usize::try_from(agent).ok().and_then(|agent| self.links.get_mut(agent));
        if let (Some(head), Some(link)) = (head, link) {
            *link = std::mem::replace(head, agent);
        }
    }

    /// An agent and its moment.
    pub(super) fn next(&mut self) -> Option<(u32, u64)> {
        loop {
            let head = self.heads.get_mut(self.now)?;
            if let Some(link) = usize::try_from(*head).ok().and_then(|agent| self.links.get(agent)) {
                let agent = std::mem::replace(head, *link);
                return Some((agent, u64::try_from(self.now).ok()?));
            }
            self.now += 1;
        }
    }
}

const NOBODY: u32 = u32::MAX;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_come_in_order() {
        let mut agenda = Agenda::new(3, 10);
        agenda.put(0, 7);
        agenda.put(1, 2);
        agenda.put(2, 7);
        assert_eq!(agenda.next(), Some((1, 2)));
        agenda.put(1, 2);
        assert_eq!(agenda.next(), Some((1, 2)));
        agenda.put(1, 10);
        assert_eq!(agenda.next(), Some((2, 7)));
        assert_eq!(agenda.next(), Some((0, 7)));
        assert_eq!(agenda.next(), None);
    }
}
