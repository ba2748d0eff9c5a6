rockspec_format = "3.0"
package = "wsmanager"
version = "scm-1"

source = {
  url = "git+https://github.com/wsmanager/wsmanager.git",
}

description = {
  summary = "A WebSocket that looks after itself",
  detailed = [[
A managed WebSocket for Lua: a C core with its own framing, and thin Lua on
top. It beats, notices a dead peer, reconnects with a budget and backoff, and
keeps what you send meanwhile. Client and server, ws and wss, in coroutines or
without.]],
  homepage = "https://github.com/wsmanager/wsmanager",
  license = "MIT",
  labels = { "websocket", "network", "async" },
}

dependencies = {
  "lua >= 5.1, < 5.5",
  "lua-cjson",
}

external_dependencies = {
  LIBWEBSOCKETS = { header = "libwebsockets.h", library = "websockets" },
  LIBUV = { header = "uv.h", library = "uv" },
  OPENSSL = { header = "openssl/ssl.h", library = "ssl" },
  ZLIB = { header = "zlib.h", library = "z" },
}

build = {
  type = "builtin",
  modules = {
    ["wsmanager.core"] = {
      sources = {
        "src/common/buffer.c",
        "src/common/error.c",
        "src/common/heap.c",
        "src/common/memory.c",
        "src/lua/lcommon.c",
        "src/lua/lconfig.c",
        "src/lua/ldeflate.c",
        "src/lua/levent.c",
        "src/lua/lhandshake.c",
        "src/lua/lhead.c",
        "src/lua/llink.c",
        "src/lua/lloop.c",
        "src/lua/lmanager.c",
        "src/lua/lpolicy.c",
        "src/lua/lproperty.c",
        "src/lua/lprotocol.c",
        "src/lua/lqueue.c",
        "src/lua/lserver.c",
        "src/lua/lsession.c",
        "src/lua/ltarget.c",
        "src/lua/ltls.c",
        "src/lua/module.c",
        "src/manager/ending.c",
        "src/manager/manager.c",
        "src/manager/opening.c",
        "src/manager/policy.c",
        "src/manager/queue.c",
        "src/manager/tick.c",
        "src/manager/traffic.c",
        "src/net/address.c",
        "src/net/carry.c",
        "src/net/clock.c",
        "src/net/descriptor.c",
        "src/net/dial.c",
        "src/net/link.c",
        "src/net/listener.c",
        "src/net/loop.c",
        "src/net/resolve.c",
        "src/net/server.c",
        "src/net/socket.c",
        "src/net/tls.c",
        "src/net/tlscontext.c",
        "src/net/tlserror.c",
        "src/net/trust.c",
        "src/net/wire.c",
        "src/protocol/control.c",
        "src/protocol/deflate.c",
        "src/protocol/extension.c",
        "src/protocol/frame.c",
        "src/protocol/handshake.c",
        "src/protocol/head.c",
        "src/protocol/ip.c",
        "src/protocol/mask.c",
        "src/protocol/output.c",
        "src/protocol/reply.c",
        "src/protocol/session.c",
        "src/protocol/span.c",
        "src/protocol/url.c",
        "src/protocol/userinfo.c",
        "src/protocol/utf8.c",
        "src/protocol/write.c",
      },
      incdirs = {
        "src",
        "$(LIBWEBSOCKETS_INCDIR)",
        "$(LIBUV_INCDIR)",
        "$(OPENSSL_INCDIR)",
        "$(ZLIB_INCDIR)",
      },
      libdirs = {
        "$(LIBWEBSOCKETS_LIBDIR)",
        "$(LIBUV_LIBDIR)",
        "$(OPENSSL_LIBDIR)",
        "$(ZLIB_LIBDIR)",
      },
      libraries = { "websockets", "uv", "ssl", "crypto", "z" },
    },
    wsmanager = "lua/wsmanager/init.lua",
    ["wsmanager.answers"] = "lua/wsmanager/answers.lua",
    ["wsmanager.attention"] = "lua/wsmanager/attention.lua",
    ["wsmanager.chat"] = "lua/wsmanager/chat.lua",
    ["wsmanager.chat.ledger"] = "lua/wsmanager/chat/ledger.lua",
    ["wsmanager.chat.message"] = "lua/wsmanager/chat/message.lua",
    ["wsmanager.chat.pictures"] = "lua/wsmanager/chat/pictures.lua",
    ["wsmanager.chat.seed"] = "lua/wsmanager/chat/seed.lua",
    ["wsmanager.chat.seen"] = "lua/wsmanager/chat/seen.lua",
    ["wsmanager.client"] = "lua/wsmanager/client.lua",
    ["wsmanager.codec"] = "lua/wsmanager/codec.lua",
    ["wsmanager.connection"] = "lua/wsmanager/connection.lua",
    ["wsmanager.distance"] = "lua/wsmanager/distance.lua",
    ["wsmanager.events"] = "lua/wsmanager/events.lua",
    ["wsmanager.options"] = "lua/wsmanager/options.lua",
    ["wsmanager.page"] = "lua/wsmanager/page.lua",
    ["wsmanager.report"] = "lua/wsmanager/report.lua",
    ["wsmanager.scheduler"] = "lua/wsmanager/scheduler.lua",
    ["wsmanager.server"] = "lua/wsmanager/server.lua",
    ["wsmanager.timers"] = "lua/wsmanager/timers.lua",
    ["wsmanager.websocket"] = "lua/wsmanager/websocket.lua",
  },
}
