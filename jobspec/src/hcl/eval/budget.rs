//! What evaluating one file may cost, so that a short file cannot ask for endless work.

use crate::hcl::value::Val;

/// How many values may be computed or copied.
const STEPS_MAX: usize = 1_000_000;

/// How many bytes of text may be produced.
const TEXT_MAX: usize = 16 << 20;

/// How many blocks `dynamic` may make.
const BLOCKS_MAX: usize = 100_000;

/// What is left of the limits.
#[derive(Clone, Debug)]
pub(super) struct Budget {
    steps: usize,
    text: usize,
    blocks: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self { steps: STEPS_MAX, text: TEXT_MAX, blocks: BLOCKS_MAX }
    }
}

/// A limit that is reached: what to tell the user.
pub(super) type Exhausted = String;

impl Budget {
    /// Takes one step.
    pub fn step(&mut self) -> Result<(), Exhausted> {
        self.steps(1)
    }

    /// Takes several steps.
    pub fn steps(&mut self, count: usize) -> Result<(), Exhausted> {
        match self.steps.checked_sub(count) {
            Some(left) => {
                self.steps = left;
                Ok(())
            }
            None => {
                self.steps = 0;
                Err(format!("this file computes too much: at most {STEPS_MAX} values"))
            }
        }
    }

    /// Takes a text of that many bytes.
    pub fn text(&mut self, bytes: usize) -> Result<(), Exhausted> {
        match self.text.checked_sub(bytes) {
            Some(left) => {
                self.text = left;
                Ok(())
            }
            None => {
                self.text = 0;
                Err(format!("this file computes too much text: at most {TEXT_MAX} bytes"))
            }
        }
    }

    /// Takes a block made by `dynamic`.
    pub fn block(&mut self) -> Result<(), Exhausted> {
        match self.blocks.checked_sub(1) {
            Some(left) => {
                self.blocks = left;
                Ok(())
            }
            None => Err(format!("this file makes too many blocks: at most {BLOCKS_MAX}")),
        }
    }

    /// Takes the look-up of a key among `count`. It takes that many comparisons, each much cheaper than a step.
    pub fn look_up(&mut self, count: usize) -> Result<(), Exhausted> {
        self.steps(count / 64)
    }

    /// Takes a value that is made or copied as a whole.
    pub fn value(&mut self, value: &Val) -> Result<(), Exhausted> {
        match value {
            Val::Null | Val::Bool(_) | Val::Number(_) => self.step(),
            Val::Text(text) => {
                self.step()?;
                self.text(text.len())
            }
            Val::List(values) | Val::Set(values) => {
                self.step()?;
                values.iter().try_for_each(|value| self.value(value))
            }
            Val::Map(entries) => {
                self.step()?;
                entries.iter().try_for_each(|(key, value)| {
                    self.text(key.len())?;
                    self.value(value)
                })
            }
        }
    }
}
