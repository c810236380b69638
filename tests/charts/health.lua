-- Runs examples/argocd/health.lua against an object in each state: `lua health.lua PATH`.
local path = arg[1]

-- What `kubectl get -o json` would show. Argo CD hands over one table, `obj`.
local function object(observed, ...)
  return {metadata = {generation = 2}, status = {observedGeneration = observed, conditions = {...}}}
end

local function condition(type, status, reason, message)
  return {type = type, status = status, reason = reason, message = message or ""}
end

local states = {
  {"nothing seen yet", {metadata = {generation = 1}}, "Progressing", "Waiting for the operator"},
  {"an older generation seen", object(1, condition("Ready", "True", "Ready")), "Progressing", "Waiting for the operator"},
  {"no Ready yet", object(2), "Progressing", "Waiting for the operator"},
  {"work has begun", object(2, condition("Ready", "Unknown", "Progressing"), condition("Reconciling", "True", "Progressing")),
    "Progressing", "Progressing"},
  {"work goes on", object(2, condition("Ready", "False", "Progressing", "1 of 2"), condition("Reconciling", "True", "Progressing")),
    "Progressing", "Progressing: 1 of 2"},
  {"the pod comes up", object(2, condition("Ready", "False", "WorkloadUnavailable", "volume pending"),
    condition("Reconciling", "True", "WorkloadUnavailable")), "Progressing", "WorkloadUnavailable: volume pending"},
  {"ready", object(2, condition("StorageReady", "True", "Ready"), condition("Ready", "True", "Ready", "all well")),
    "Healthy", "Ready: all well"},
  {"suspended", object(2, condition("Ready", "True", "Suspended")), "Suspended", "Suspended"},
  {"a Secret is missing", object(2, condition("Ready", "False", "SecretNotFound", 'Secret "acme-s3" is not there'),
    condition("Reconciling", "True", "SecretNotFound")), "Degraded", 'SecretNotFound: Secret "acme-s3" is not there'},
  {"the bucket went away", object(2, condition("Ready", "False", "NoSuchBucket", "acme-media")), "Degraded", "NoSuchBucket: acme-media"},
  {"stalled", object(2, condition("Ready", "False", "NameConflict", "a"), condition("Stalled", "True", "NameConflict", "b")),
    "Degraded", "NameConflict: b"},
  {"an unlinked device changes nothing", object(2, condition("Ready", "True", "Ready"),
    condition("SessionConnected", "False", "LoggedOut")), "Healthy", "Ready"},
}

local failed = false
for _, state in ipairs(states) do
  local name, object_, status, message = table.unpack(state)
  -- Argo CD offers no io and os either.
  local health = assert(loadfile(path, "t", {obj = object_, ipairs = ipairs, pairs = pairs, string = string}))()
  if health.status ~= status or health.message ~= message then
    failed = true
    io.stderr:write(("%s: %s (%s), expected %s (%s)\n"):format(name, health.status, health.message, status, message))
  end
end
os.exit(not failed)
