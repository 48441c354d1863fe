// SPDX-License-Identifier: Apache-2.0

/** The innermost container of a cgroup; all null outside of one. */
export interface Container {
  /** `container.id`: 64 hexadecimal digits, TASK-NUMBER on AWS Fargate, the name for systemd-nspawn and LXC. */
  readonly containerId: string | null;
  /** `container.runtime.name`; null if several runtimes name their cgroups like this. */
  readonly runtime: string | null;
  /**
   * `k8s.pod.uid` as the kubelet has it. That of a static pod has no dashes: it is the hash of its manifest,
   * which the API server shows as the annotation `kubernetes.io/config.hash`.
   */
  readonly podUid: string | null;
}

/**
 * What there may be names of: a container, or where `containerId` is null a pod. `user`: the id of the user who runs it
 * without root, and chose the names in its cgroup's path.
 */
export type KnownContainer = Container & { readonly user?: number };

/** Names of a container; each only where it is known. */
export interface ContainerNames {
  readonly name?: string;
  readonly imageName?: string;
  readonly imageTags?: readonly string[];
  readonly k8sContainer?: string;
  readonly k8sPod?: string;
  readonly k8sNamespace?: string;
}
