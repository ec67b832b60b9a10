//! Labels that say whose a series is: service, instance, caller and callee; what is left tells the series of one metric apart.

use std::collections::BTreeMap;

use super::RawKey;
use crate::model::{InstanceId, MetricName, SeriesKey, ServiceName};
use crate::parse::timestamp::Clock;

/// Labels by name, in the spelling of Prometheus (`_` for `.` and `-`).
pub type Labels = BTreeMap<String, String>;

/// What is known of a metric file beside its text.
#[derive(Clone, Copy, Debug, Default)]
pub struct Setting<'s> {
    /// Whose it is by its place; labels are right against it.
    pub service: Option<&'s str>,
    pub instance: Option<&'s str>,
    /// Path inside the bundle.
    pub shown: &'s str,
    /// Zone of times without one, and an instant near the samples.
    pub clock: Clock,
}

/// Labels that name the service, best first.
const SERVICE: [&str; 23] = [
    "service",
    "service_name",
    "app",
    "app_kubernetes_io_name",
    "application",
    "destination_service_name",
    "destination_workload",
    "k8s_deployment_name",
    "k8s_statefulset_name",
    "k8s_daemonset_name",
    "deployment",
    "workload",
    "k8s_container_name",
    "container",
    "container_name",
    "container_label_com_docker_compose_service",
    "kubernetes_name",
    "job",
    "exported_job",
    "component",
    "host",
    "host_name",
    "hostname",
];
/// Labels that name the instance, best first.
const INSTANCE: [&str; 11] = [
    "service_instance_id",
    "k8s_pod_name",
    "pod",
    "pod_name",
    "kubernetes_pod_name",
    "instance",
    "host_name",
    "hostname",
    "host",
    "node",
    "k8s_node_name",
];
/// Labels of a caller and of what it calls.
const EDGES: [(&str, &str); 6] = [
    ("source", "destination"),
    ("source", "target"),
    ("source_workload", "destination_workload"),
    ("source_app", "destination_app"),
    ("client", "server"),
    ("caller", "callee"),
];
/// Jobs that measure the machine that they run on.
const MACHINE_JOBS: [&str; 5] = ["node", "node-exporter", "node_exporter", "prometheus-node-exporter", "windows_exporter"];

/// `service.name` and `service-name` as Prometheus writes them.
pub fn spelled(name: &str) -> String {
    name.chars().map(|c| if c.is_alphanumeric() || c == ':' { c } else { '_' }).collect()
}

/// The key of a series from its name and all its labels.
pub fn raw_key(metric: &str, mut labels: Labels, setting: &Setting<'_>) -> RawKey {
    let whole_group = labels.get("container").filter(|container| metric.starts_with("container_") && is_whole_group(container)).cloned();
    let value = |labels: &Labels, names: &[&str]| names.iter().find_map(|name| labels.get(*name).filter(|v| !v.is_empty()).cloned());
    let edge = EDGES.iter().find_map(|(source, target)| Some((labels.get(*source)?.clone(), labels.get(*target)?.clone())));
    let instance = value(&labels, &INSTANCE);
    let named = value(&labels, &SERVICE).map(|service| machine(&service, instance.as_deref()).unwrap_or(service));
    let own = edge.as_ref().map(|(source, target)| measured_by(source, target, &labels).clone());
    let edge_labels = EDGES.iter().flat_map(|(source, target)| [*source, *target]).filter(|_| edge.is_some());
    for name in SERVICE.into_iter().chain(INSTANCE).chain(edge_labels) {
        labels.remove(name);
    }
    labels.extend(whole_group.map(|container| ("container".to_owned(), container)));
    let placed = || setting.service.map(str::to_owned);
    let service = own.or(named).or_else(placed).or_else(|| instance.as_deref().map(host)).unwrap_or_else(|| "unknown".to_owned());
    let instance = instance.or_else(|| setting.instance.map(str::to_owned)).filter(|instance| *instance != service);
    let key = SeriesKey {
        service: ServiceName::new(&service),
        metric: MetricName::new(metric),
        instance: instance.as_deref().map(InstanceId::new),
        edge: edge.map(|(source, target)| (ServiceName::new(&source), ServiceName::new(&target))),
    };
    RawKey { key, labels }
}

/// Which end of a call measured it: what a mesh's reporter says, else the service that is named beside the ends, else the one called.
fn measured_by<'e>(source: &'e String, target: &'e String, labels: &Labels) -> &'e String {
    let is_source = match labels.get("reporter").map(String::as_str) {
        Some(reporter) => reporter == "source",
        None => ["service", "service_name"].iter().any(|name| labels.get(*name) == Some(source)),
    };
    if is_source { source } else { target }
}

/// Whether cAdvisor's label `container` stands for all containers of a pod, or for the one that holds their network.
fn is_whole_group(container: &str) -> bool {
    container.is_empty() || container == "POD"
}

/// Whether a series repeats what the series of its containers say, so that a sum would count them twice.
pub fn repeats_others(labels: &Labels) -> bool {
    labels.get("container").is_some_and(|container| is_whole_group(container))
}

/// The machine that an exporter of machines runs on.
fn machine(job: &str, instance: Option<&str>) -> Option<String> {
    MACHINE_JOBS.contains(&job).then_some(instance).flatten().map(host)
}

/// `web-1:9090` without its port.
fn host(instance: &str) -> String {
    instance.rsplit_once(':').map_or(instance, |(host, _)| host).to_owned()
}
