-- Health of TenantStorage and MediaSession for Argo CD; see README.md beside this file.
local health = {status = "Progressing", message = "Waiting for the operator"}
local status = obj.status or {}
if status.observedGeneration == nil or status.observedGeneration ~= obj.metadata.generation then
  return health
end

local conditions = {}
for _, condition in ipairs(status.conditions or {}) do
  conditions[condition.type] = condition
end

local function because(condition)
  if condition.message == nil or condition.message == "" then
    return condition.reason
  end
  return condition.reason .. ": " .. condition.message
end

local ready, stalled = conditions.Ready, conditions.Stalled
if stalled ~= nil and stalled.status == "True" then
  health.status = "Degraded"
  health.message = because(stalled)
elseif ready == nil or ready.status == "Unknown" then
  if ready ~= nil then
    health.message = because(ready)
  end
elseif ready.status == "True" then
  health.status = ready.reason == "Suspended" and "Suspended" or "Healthy"
  health.message = because(ready)
elseif ready.reason == "Progressing" or ready.reason == "WorkloadUnavailable" then
  -- Pods come up; one that can't start is shown by the Deployment's own health beside it.
  health.message = because(ready)
else
  -- Reconciling goes on, but a person has to mend something: a Secret, a bucket, an image.
  health.status = "Degraded"
  health.message = because(ready)
end
return health
