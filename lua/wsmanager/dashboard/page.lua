-- The files of the dashboard's page.
-- Depends on html.lua, css.lua, js.lua and icon.lua beside it: Lua, so that whatever ships the
-- module's Lua ships them.

return {
  html = require "wsmanager.dashboard.html",
  css = require "wsmanager.dashboard.css",
  js = require "wsmanager.dashboard.js",
  icon = require "wsmanager.dashboard.icon",
  types = {
    html = "text/html; charset=utf-8", css = "text/css; charset=utf-8",
    js = "text/javascript; charset=utf-8", icon = "image/svg+xml",
  },
}
