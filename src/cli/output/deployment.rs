//! Deployments.

use super::{Cell, Style, Table, pairs, sections, titled};
use crate::api::wire::{Deployment, DeploymentState};
use crate::model::Timestamp;

/// What is said when there are none.
pub const NONE: &str = "No deployments found";

/// Lists deployments, newest first.
pub fn list(style: &Style, deployments: &[Deployment]) -> String {
    if deployments.is_empty() {
        return NONE.to_owned();
    }
    let mut newest_first: Vec<&Deployment> = deployments.iter().collect();
    newest_first.sort_by(|a, b| (b.create_index, &b.id).cmp(&(a.create_index, &a.id)));
    let mut table = Table::new(["ID", "Job ID", "Job Version", "Status", "Description"]);
    for deployment in newest_first {
        table.row([
            style.id(&deployment.id).into(),
            deployment.job_id.as_str().into(),
            deployment.job_version.to_string().into(),
            Cell::status(&deployment.status),
            deployment.status_description.as_str().into(),
        ]);
    }
    table.render(style)
}

/// Shows one deployment: facts, and how far each group is.
pub fn status(style: &Style, deployment: &Deployment) -> String {
    let facts: Vec<(&str, Cell)> = vec![
        ("ID", style.id(&deployment.id).into()),
        ("Job ID", deployment.job_id.as_str().into()),
        ("Job Version", deployment.job_version.to_string().into()),
        ("Status", Cell::status(&deployment.status)),
        ("Description", deployment.status_description.as_str().into()),
    ];
    sections([pairs(style, facts), titled(style, "Deployed", &groups(style, deployment))])
}

/// Shows how far each group is. Columns that say nothing of any group are left out.
pub fn groups(style: &Style, deployment: &Deployment) -> String {
    let any = |is: fn(&DeploymentState) -> bool| deployment.task_groups.values().any(is);
    let reverts = any(|group| group.auto_revert);
    let canaries = any(|group| group.desired_canaries > 0);
    let mut header = vec!["Task Group"];
    header.extend(reverts.then_some("Auto Revert"));
    header.extend(canaries.then_some("Promoted"));
    header.push("Desired");
    header.extend(canaries.then_some("Canaries"));
    header.extend(["Placed", "Healthy", "Unhealthy", "Progress Deadline"]);
    let mut table = Table::new(header);
    for (name, group) in &deployment.task_groups {
        let mut row: Vec<Cell> = vec![name.as_str().into()];
        row.extend(reverts.then(|| group.auto_revert.to_string().into()));
        let promoted = match group.desired_canaries {
            0 => "N/A".to_owned(),
            _ => group.promoted.to_string(),
        };
        row.extend(canaries.then(|| promoted.into()));
        row.push(group.desired_total.to_string().into());
        row.extend(canaries.then(|| group.desired_canaries.to_string().into()));
        let by = match group.require_progress_by.0 {
            Timestamp::NEVER => "N/A".to_owned(),
            time => super::time::full(time),
        };
        row.extend([
            group.placed_allocs.to_string().into(),
            group.healthy_allocs.to_string().into(),
            group.unhealthy_allocs.to_string().into(),
            by.into(),
        ]);
        table.row(row);
    }
    table.render(style)
}
