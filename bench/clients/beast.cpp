// beast URL SIZE INFLIGHT WARM SECONDS: Boost.Beast, synchronous.

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/ssl.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <algorithm>
#include <string>
#include <unistd.h>

extern "C" {
#include "../wire.h"
}

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
using tcp = asio::ip::tcp;

struct Load {
  std::string port, payload;
  long inflight;
  double warm, seconds;
};

template <class Stream> void step (Stream &ws, const Load &load,
                                   beast::flat_buffer &buffer) {
  buffer.clear();
  ws.read(buffer);
  ws.write(asio::buffer(load.payload));
}

template <class Stream> uint64_t go_on_for (double seconds, Stream &ws,
                                            const Load &load) {
  const double end = seconds_now() + seconds;
  const long stride = std::min(1024L, load.inflight);
  beast::flat_buffer buffer;
  uint64_t messages = 0;
  while (seconds_now() < end) {
    for (long i = 0; i < stride; i++) step(ws, load, buffer);
    messages += uint64_t(stride);
  }
  return messages;
}

template <class Stream> void run (Stream &ws, const Load &load) {
  ws.auto_fragment(false);
  ws.write_buffer_bytes(1 << 16);
  ws.read_message_max(0);
  ws.handshake("localhost", "/");
  ws.text(true);
  for (long i = 0; i < load.inflight; i++) ws.write(asio::buffer(load.payload));
  go_on_for(load.warm, ws, load);
  const moment from = moment_now();
  const uint64_t messages = go_on_for(load.seconds, ws, load);
  moment_report(from, moment_now(), messages);
}

static void dial (tcp::socket &socket, const Load &load) {
  socket.connect({asio::ip::address_v4::loopback(),
                  static_cast<unsigned short>(std::stoi(load.port))});
  socket.set_option(tcp::no_delay(true));
}

static void plain (asio::io_context &io, const Load &load) {
  websocket::stream<tcp::socket> ws(io);
  dial(ws.next_layer(), load);
  run(ws, load);
}

static void secure (asio::io_context &io, const Load &load) {
  asio::ssl::context tls(asio::ssl::context::tls_client);
  websocket::stream<asio::ssl::stream<tcp::socket>> ws(io, tls);
  dial(ws.next_layer().next_layer(), load);
  ws.next_layer().handshake(asio::ssl::stream_base::client);
  run(ws, load);
}

int main (int argc, char **argv) {
  if (argc < 6) return 2;
  alarm(60);
  const std::string url = argv[1];
  const std::string rest = url.substr(url.rfind(':') + 1);
  const Load load = {rest.substr(0, rest.find('/')),
                     std::string(std::stoul(argv[2]), 'x'), std::stol(argv[3]),
                     std::stod(argv[4]), std::stod(argv[5])};
  asio::io_context io(1);
  if (url.compare(0, 4, "wss:") == 0)
    secure(io, load);
  else
    plain(io, load);
  return 0;
}
