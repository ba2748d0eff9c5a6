-- What a thread of a host is called for: one function of the program, and who is told
-- of its end.
-- Depends on coroutines.lua, caught.lua and uncaught.lua.
-- Never lets an error out: it would end the host's thread.

local caught = require "wsmanager.base.caught"
local coroutines = require "wsmanager.run.coroutines"
local raw = require "wsmanager.base.raw"
local report = require "wsmanager.base.report"
local uncaught = require "wsmanager.run.uncaught"

local create, resume, status, yield = raw.create, raw.resume, raw.status, raw.yield
local running = coroutine.running
local tasks, cancelled = coroutines.tasks, coroutines.cancelled
local unpack = table.unpack or unpack

local jobs = {
  task_of = setmetatable({}, {__mode = "k"}),   -- thread -> the task that it runs
  outer = setmetatable({}, {__mode = "kv"}),    -- coroutine -> the host's thread around it
  active = setmetatable({}, {__mode = "k"}),    -- those that are called -> true
}

local task_of, outer = jobs.task_of, jobs.outer

-- ## Kinds

function jobs.of_call (fn, a, b)
  return {fn = fn, n = 2, a, b}
end

function jobs.of_start (callback, fn, ...)
  return {fn = fn, callback = callback, n = select("#", ...), ...}
end

function jobs.of_task (task)
  return {fn = task.body, task = task, n = 1, task}
end

-- ## Calling one

-- PUC Lua 5.1 cannot yield within a pcall.
local function yield_in_pcall ()
  pcall(yield)
  error()
end

local pcall_yields = resume(create(yield_in_pcall))

local function begin (job)
  local thread = running()
  if job.task then
    job.task.thread, task_of[thread] = thread, job.task
  end
  job.thread = thread
  job.fn(unpack(job, 1, job.n))
end

-- The results of the coroutine; what it yields goes to the host, and its answer back.
local function forward (thread, ok, ...)
  if status(thread) == "dead" then return ok, ... end
  return forward(thread, resume(thread, yield(...)))
end

-- Calls it; returns whether it has returned, or its error and that with its traceback.
local function call_in_pcall (job)
  return caught(begin, job)
end

-- In a coroutine around which the host's thread passes on what is yielded.
local function call_apart (job)
  local thread = create(begin)
  outer[thread] = running()
  local ok, why = forward(thread, resume(thread, job))
  if ok then return true end
  return false, why, report.trace(why, thread)
end

local call = pcall_yields and call_in_pcall or call_apart

-- ## Its end

local function forget (job)
  local thread = job.thread
  task_of[thread], tasks[thread], cancelled[thread] = nil, nil, nil
end

local function tell_failure (job, why, text)
  if job.task then
    coroutines.end_task(job.task, true, why, text)
  elseif job.callback then
    local ok, again = pcall(job.callback, false, why, text)
    if not ok then report.failure("a coroutine", again) end
  else
    uncaught.report_call(job[1], why, text)
  end
end

local function tell_end (job)
  if job.task then
    coroutines.end_task(job.task, false)
  elseif job.callback then
    job.callback(true)
  end
end

function jobs.run (job)
  jobs.active[job] = true
  local ok, why, text = call(job)
  forget(job)
  jobs.active[job] = nil
  job.done = true
  if ok then tell_end(job) else tell_failure(job, why, text) end
  if job.on_end then job.on_end() end
end

return jobs
