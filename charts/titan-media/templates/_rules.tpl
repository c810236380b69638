{{/* What the operator may do in a namespace that it works in: a ClusterRole, or a Role in each watched namespace. */}}
{{- define "titan-media.rules" -}}
# The resources that it turns into sidecars. It never writes their spec.
- apiGroups: [titan.media]
  resources: [mediasessions, tenantstorages]
  verbs: [get, list, watch]
# Conditions, URL, image: one patch of the status per reconcile.
- apiGroups: [titan.media]
  resources: [mediasessions/status, tenantstorages/status]
  verbs: [patch]
# Owner references that block deletion, where the cluster enforces permission for them (OpenShift does).
- apiGroups: [titan.media]
  resources: [mediasessions/finalizers, tenantstorages/finalizers]
  verbs: [update]
# One API-key Secret per session, written once. It can't get, list or watch Secrets, nor change or delete one.
- apiGroups: [""]
  resources: [secrets]
  verbs: [create]
# The sidecars. Delete, here and in the next three rules, is what a cluster that enforces permission for owner references
# asks for when an orphan is taken up again; the admission policy refuses the deletion itself.
- apiGroups: [apps]
  resources: [deployments]
  verbs: [get, list, watch, create, patch, delete]
# What a sidecar reads its session from; also rebuilt from, when its storage is gone.
- apiGroups: [""]
  resources: [configmaps]
  verbs: [get, list, watch, create, patch, delete]
# The sessions' API within the cluster.
- apiGroups: [""]
  resources: [services]
  verbs: [get, list, watch, create, patch, delete]
# The sessions' records. They outlive their session unless it says `reclaim: Delete`; then they get it as their owner.
- apiGroups: [""]
  resources: [persistentvolumeclaims]
  verbs: [get, list, watch, create, patch, delete]
# Who a sidecar may talk to; deleted when a session switches its own off.
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies]
  verbs: [get, list, watch, create, patch, delete]
# Kept while a session has several replicas.
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch, create, patch, delete]
# `expose.ingress` of a session; deleted when the field is.
- apiGroups: [networking.k8s.io]
  resources: [ingresses]
  verbs: [get, list, watch, create, patch, delete]
# `expose.httpRoute` of a session, where the cluster has the Gateway API; deleted when the field is.
- apiGroups: [gateway.networking.k8s.io]
  resources: [httproutes]
  verbs: [get, list, watch, create, patch, delete]
# Checks of a bucket that no session uses; an old check is deleted together with its pod.
- apiGroups: [batch]
  resources: [jobs]
  verbs: [get, list, watch, create, delete]
# Addresses of sidecars, why one can't start, a check's verdict; and the one annotation that hastens the kubelet.
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch, patch]
# Events on transitions; a repeated one is patched.
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end }}

{{/* What the operator may do in its own namespace. */}}
{{- define "titan-media.ownRules" -}}
# The Lease: creating can't be limited by name.
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  verbs: [create]
# The Lease: taken, renewed and released by name.
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  resourceNames: [titan-operator]
  verbs: [get, update]
{{- end }}
