//! What a scenario has done to its lab and not undone yet, and how all of it is mended.
//!
//! Every fault ends: what a scenario leaves broken is mended when its steps are done, so that no fault outlives it.

use std::collections::BTreeSet;

use crate::lab::backend::{AGENT, Backend, BackendError};

/// Faults without a heal so far.
#[derive(Clone, Debug, Default)]
pub struct Disturbances {
    /// Machines without power.
    off: BTreeSet<String>,
    /// Powered machines whose agent was killed.
    without_agent: BTreeSet<String>,
    /// Whether links are cut.
    is_cut: bool,
}

impl Disturbances {
    /// Cuts a machine's power.
    pub async fn power_off(&mut self, backend: &dyn Backend, machine: &str) -> Result<(), BackendError> {
        backend.power_off(machine).await?;
        // Whatever had been killed there comes back with the power.
        self.without_agent.remove(machine);
        self.off.insert(machine.to_owned());
        Ok(())
    }

    /// Gives a machine power.
    pub async fn power_on(&mut self, backend: &dyn Backend, machine: &str) -> Result<(), BackendError> {
        backend.power_on(machine).await?;
        self.off.remove(machine);
        Ok(())
    }

    /// Kills a process. Only an agent has to be started again: a task is its agent's business.
    pub async fn kill(
        &mut self,
        backend: &dyn Backend,
        machine: &str,
        process: &str,
    ) -> Result<(), BackendError> {
        backend.kill(machine, process).await?;
        if process == AGENT {
            self.without_agent.insert(machine.to_owned());
        }
        Ok(())
    }

    /// Starts a process again.
    pub async fn start(
        &mut self,
        backend: &dyn Backend,
        machine: &str,
        process: &str,
    ) -> Result<(), BackendError> {
        if process == AGENT && !self.without_agent.contains(machine) {
            let message = format!("the agent of {machine} was not killed, so it cannot be started again");
            return Err(BackendError::Failed(message));
        }
        backend.start(machine, process).await?;
        self.without_agent.remove(machine);
        Ok(())
    }

    /// Cuts links.
    pub fn partition(
        &mut self,
        backend: &dyn Backend,
        from: &[String],
        to: &[String],
        both: bool,
    ) -> Result<(), BackendError> {
        backend.partition(from, to, both)?;
        self.is_cut = true;
        Ok(())
    }

    /// Mends all links.
    pub fn heal(&mut self, backend: &dyn Backend) -> Result<(), BackendError> {
        backend.heal()?;
        self.is_cut = false;
        Ok(())
    }

    /// Ends everything that has not ended yet, and returns what that was, in words. Does nothing the second time.
    ///
    /// # Errors
    /// When the backend cannot mend something.
    pub async fn mend(&mut self, backend: &dyn Backend) -> Result<Vec<String>, BackendError> {
        let mut mended = Vec::new();
        if self.is_cut {
            self.heal(backend)?;
            mended.push("heal".to_owned());
        }
        for machine in self.off.clone() {
            self.power_on(backend, &machine).await?;
            mended.push(format!("power on {machine}"));
        }
        for machine in self.without_agent.clone() {
            self.start(backend, &machine, AGENT).await?;
            mended.push(format!("start {AGENT} on {machine}"));
        }
        Ok(mended)
    }
}
