{{/* Everything that the operator writes: its own. */}}
{{- define "titan-media.policy.objects" -}}
variables:
  # Labelled as ours; or ours by owner, where somebody took the labels off.
  - name: wasOurs
    expression: >-
      oldObject == null
      || oldObject.metadata.?labels[?'app.kubernetes.io/managed-by'].orValue('') == 'titan-operator'
      || oldObject.metadata.?ownerReferences.orValue([]).exists(owner,
      owner.apiVersion.startsWith('titan.media/') && owner.?controller.orValue(false))
validations:
  - expression: variables.wasOurs
    message: titan-operator may change or delete only objects of its own
    reason: Forbidden
  - expression: >-
      request.operation != 'CREATE'
      || object.metadata.?labels[?'app.kubernetes.io/managed-by'].orValue('') == 'titan-operator'
    message: titan-operator may create only objects with the label app.kubernetes.io/managed-by=titan-operator
    reason: Forbidden
  - expression: >-
      request.operation != 'DELETE'
      || !(request.resource.resource in ['deployments', 'configmaps', 'services', 'persistentvolumeclaims'])
    message: titan-operator may delete no Deployment, ConfigMap, Service or claim; they go with their owner
    reason: Forbidden
  - expression: request.name.startsWith('msess-') || request.name.startsWith('tstore-')
    message: titan-operator may write only objects named msess-… or tstore-…
    reason: Forbidden
  - expression: >-
      request.resource.resource != 'services' || object == null
      || (object.spec.?type.orValue('ClusterIP') == 'ClusterIP' && object.spec.?externalIPs.orValue([]).size() == 0)
    message: titan-operator may write only Services of type ClusterIP without external addresses
    reason: Forbidden
{{- end }}

{{/* Labels and annotations are closed too: other controllers take orders from those of a Secret. */}}
{{- define "titan-media.policy.secrets" -}}
variables:
  - name: labels
    expression: object.metadata.?labels.orValue({})
validations:
  - expression: object.type == 'Opaque'
    message: titan-operator may create only Secrets of type Opaque
    reason: Forbidden
  - expression: >-
      variables.labels[?'app.kubernetes.io/managed-by'].orValue('') == 'titan-operator'
      && 'titan.media/session' in variables.labels
    message: titan-operator may create only Secrets with the labels app.kubernetes.io/managed-by=titan-operator and titan.media/session
    reason: Forbidden
  - expression: >-
      variables.labels.all(name, name.startsWith('titan.media/') || name.startsWith('app.kubernetes.io/'))
      && object.metadata.?annotations.orValue({}).all(name, name.startsWith('titan.media/'))
    message: titan-operator may create only Secrets without foreign labels and annotations
    reason: Forbidden
{{- end }}

{{/*
What runs is our sidecar, as its image has it, without a way to the Kubernetes API or to the node. It is the only
container; or an init container that keeps running, and the only container is a linked device.
*/}}
{{- define "titan-media.policy.workloads" -}}
{{- $whatsapp := include "titan-media.whatsappImage" . -}}
variables:
  - name: pod
    expression: object.spec.template.spec
  - name: init
    expression: variables.pod.?initContainers.orValue([])
  - name: sidecars
    expression: "variables.init.size() == 0 ? variables.pod.containers : variables.init"
  - name: devices
    expression: "variables.init.size() == 0 ? [] : variables.pod.containers"
  - name: containers
    expression: variables.sidecars + variables.devices
  - name: volumes
    expression: variables.pod.?volumes.orValue([])
  - name: images
    expression: {{ printf "['%s']" (concat (list (include "titan-media.sidecarImage" .)) .Values.admissionPolicy.extraImages | join "', '") | quote }}
  - name: deviceImages
    expression: {{ if $whatsapp }}{{ printf "['%s']" (concat (list $whatsapp) .Values.admissionPolicy.extraWhatsappImages | join "', '") | quote }}{{ else }}"[]"{{ end }}
  # An image that is there already may stay where it is: upgrades are staged.
  - name: initBefore
    expression: "oldObject == null ? [] : oldObject.spec.template.spec.?initContainers.orValue([]).map(container, container.image)"
  - name: mainBefore
    expression: "oldObject == null ? [] : oldObject.spec.template.spec.containers.map(container, container.image)"
  - name: imagesBefore
    expression: "variables.initBefore.size() == 0 ? variables.mainBefore : variables.initBefore"
  - name: deviceImagesBefore
    expression: "variables.initBefore.size() == 0 ? [] : variables.mainBefore"
  - name: apiServerAudiences
    expression: {{ printf "['%s']" (join "', '" .Values.admissionPolicy.apiServerAudiences) | quote }}
validations:
  - expression: >-
      variables.pod.containers.size() == 1
      && variables.pod.?ephemeralContainers.orValue([]).size() == 0
      && variables.init.size() <= 1
      && variables.init.all(container, container.name == 'sidecar' && container.?restartPolicy.orValue('') == 'Always')
      && variables.devices.all(container, container.name == 'whatsapp')
    message: titan-operator may run no init container, no ephemeral container and no second container, but a sidecar that keeps running beside a linked device
    reason: Forbidden
  - expression: variables.sidecars.all(container, container.image in variables.images || container.image in variables.imagesBefore)
    message: titan-operator may run only the image {{ include "titan-media.sidecarImage" . }}
    reason: Forbidden
  - expression: variables.devices.all(container, container.image in variables.deviceImages || container.image in variables.deviceImagesBefore)
    message: titan-operator may run {{ with $whatsapp }}as a linked device only the image {{ . }}{{ else }}no linked device, since whatsapp.image is empty{{ end }}
    reason: Forbidden
  - expression: >-
      variables.containers.all(container, !has(container.command))
      && variables.sidecars.all(container, container.?args.orValue([]) == ['serve']
      || (variables.devices.size() == 0 && container.?args.orValue([]) == ['probe']))
      && variables.devices.all(container, container.?args.orValue([]) == ['run'])
    message: titan-operator may set no command, and no arguments but serve or probe, and run for a linked device
    reason: Forbidden
  - expression: >-
      variables.containers.all(container, !has(container.lifecycle)
      && (!has(container.livenessProbe) || !has(container.livenessProbe.exec))
      && (!has(container.readinessProbe) || !has(container.readinessProbe.exec))
      && (!has(container.startupProbe) || !has(container.startupProbe.exec)))
    message: titan-operator may run no program in lifecycle hooks and probes
    reason: Forbidden
  - expression: >-
      !variables.pod.?hostNetwork.orValue(false)
      && !variables.pod.?hostPID.orValue(false)
      && !variables.pod.?hostIPC.orValue(false)
      && variables.containers.all(container, container.?ports.orValue([]).all(port, port.?hostPort.orValue(0) == 0))
    message: titan-operator may use no network, port, process or IPC namespace of the node
    reason: Forbidden
  - expression: >-
      variables.containers.all(container, !container.?securityContext.?privileged.orValue(false)
      && container.?securityContext.?allowPrivilegeEscalation.orValue(true) == false
      && container.?securityContext.?capabilities.?add.orValue([]).size() == 0)
    message: titan-operator may run no privileged container
    reason: Forbidden
  - expression: variables.pod.?automountServiceAccountToken.orValue(true) == false
    message: titan-operator may run only pods with automountServiceAccountToken false
    reason: Forbidden
  - expression: >-
      variables.volumes.all(volume, has(volume.configMap) || has(volume.secret) || has(volume.emptyDir)
      || has(volume.persistentVolumeClaim) || has(volume.projected))
    message: titan-operator may mount only ConfigMaps, Secrets, claims, empty directories and projected tokens
    reason: Forbidden
  - expression: variables.volumes.all(volume, !has(volume.secret) || volume.secret.?optional.orValue(false))
    message: titan-operator may mount a Secret only as an optional volume
    reason: Forbidden
  - expression: >-
      variables.volumes.all(volume, !has(volume.projected) || volume.projected.?sources.orValue([]).all(source,
      has(source.serviceAccountToken) && source.serviceAccountToken.?audience.orValue('') != ''
      && !variables.apiServerAudiences.exists(audience, source.serviceAccountToken.audience.contains(audience))))
    message: titan-operator may project only tokens that name an audience other than the Kubernetes API
    reason: Forbidden
  - expression: >-
      variables.containers.all(container, !has(container.envFrom)
      && container.?env.orValue([]).all(variable, !has(variable.valueFrom)
      || has(variable.valueFrom.fieldRef) || has(variable.valueFrom.resourceFieldRef)))
    message: titan-operator may put no Secret or ConfigMap into environment variables
    reason: Forbidden
{{- end }}

{{/* One annotation hastens the kubelet. Everything else of a pod stays as it is. */}}
{{- define "titan-media.policy.pods" -}}
variables:
  - name: before
    expression: "oldObject == null ? {} : oldObject.metadata.?annotations.orValue({})"
  - name: after
    expression: object.metadata.?annotations.orValue({})
validations:
  - expression: >-
      oldObject != null
      && oldObject.metadata.?labels[?'app.kubernetes.io/managed-by'].orValue('') == 'titan-operator'
    message: titan-operator may patch only pods of its own
    reason: Forbidden
  - expression: >-
      oldObject != null
      && object.spec == oldObject.spec
      && object.metadata.?labels.orValue({}) == oldObject.metadata.?labels.orValue({})
      && object.metadata.?finalizers.orValue([]) == oldObject.metadata.?finalizers.orValue([])
      && object.metadata.?ownerReferences.orValue([]) == oldObject.metadata.?ownerReferences.orValue([])
      && variables.after.all(name, name == 'titan.media/refresh' || (name in variables.before && variables.before[name] == variables.after[name]))
      && variables.before.all(name, name == 'titan.media/refresh' || name in variables.after)
    message: titan-operator may change nothing of a pod but its annotation titan.media/refresh
    reason: Forbidden
{{- end }}
