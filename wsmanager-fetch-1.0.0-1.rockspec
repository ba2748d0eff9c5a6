rockspec_format = "3.0"
package = "wsmanager-fetch"
version = "1.0.0-1"

-- The archive of `make rock`, beside this file. Whoever publishes it names its address here.
source = {
  url = "wsmanager-1.0.0.tar.gz",
  dir = "wsmanager-1.0.0",
}

description = {
  summary = "wsmanager.fetch: HTTP requests beside managed WebSockets",
  detailed = [[
The part of wsmanager that needs libcurl: with it wsmanager.fetch makes HTTP
requests in the same loop as the connections. All else of it is in wsmanager.]],
  license = "MIT",
  labels = { "http", "network", "async" },
}

dependencies = {
  "lua >= 5.1, < 5.6",
  "wsmanager",
}

-- Not its header: Debian has it where gcc finds it, and LuaRocks does not.
external_dependencies = {
  CURL = { library = "curl" },
}

build = {
  type = "builtin",
  modules = {
    ["wsmanager.fetch.core"] = {
      sources = {
        "src/base/buffer.c",
        "src/base/error.c",
        "src/base/keep_loaded.c",
        "src/base/memory.c",
        "src/base/span.c",
        "src/fetch/failure.c",
        "src/fetch/multi.c",
        "src/fetch/transfer.c",
        "src/http/head.c",
        "src/http/joined_headers.c",
        "src/lua/fetch/lfetch.c",
        "src/lua/lclass.c",
        "src/lua/lfail.c",
        "src/lua/lheaders.c",
      },
      incdirs = { "src", "$(CURL_INCDIR)" },
      libdirs = { "$(CURL_LIBDIR)" },
      libraries = { "curl", "pthread" },
    },
  },
}
