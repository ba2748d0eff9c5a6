#include "proxy/environment.h"

#include <stddef.h>
#include <string.h>
#include "base/ascii.h"
#include "http/ip.h"
#include "base/hidden.h"

/* An entry of no_proxy. */
struct entry {
  struct wsm_span host;
  int port; /* -1: any */
  int bits; /* of a network; -1: none */
};

static struct wsm_span cut (struct wsm_span s, size_t from, size_t n) {
  s.text += from;
  s.length = n;
  return s;
}

/* A number up to limit; -2: not one. */
static int number (struct wsm_span s, int limit) {
  int value = 0;
  size_t i;
  if (s.length == 0) return -2;
  for (i = 0; i < s.length; i++) {
    if (!wsm_is_digit(s.text[i])) return -2;
    value = value * 10 + (s.text[i] - '0');
    if (value > limit) return -2;
  }
  return value;
}

/* Takes `mark` and the number after it off the end of s; -1: no mark; -2: no
** number. */
static int take_number (struct wsm_span *s, char mark, int limit) {
  size_t n = s->length;
  int value;
  while (n > 0 && s->text[n - 1] != mark) n--;
  if (n == 0) return -1;
  value = number(cut(*s, n, s->length - n), limit);
  s->length = n - 1;
  return value;
}

static bool is_address (struct wsm_span s) {
  struct wsm_ip ip;
  return wsm_ip_parse(&ip, s);
}

/* "[::1]:80" is an address and a port, "::1" an address. */
static struct entry entry_of (struct wsm_span s) {
  struct entry entry;
  entry.bits = take_number(&s, '/', 128);
  entry.port = -1;
  if (!is_address(s) && (s.length == 0 || s.text[s.length - 1] != ']'))
    entry.port = take_number(&s, ':', 65535);
  if (s.length >= 2 && s.text[0] == '[' && s.text[s.length - 1] == ']')
    s = cut(s, 1, s.length - 2);
  entry.host = s;
  return entry;
}

static struct wsm_span without_final_dot (struct wsm_span name) {
  if (name.length > 0 && name.text[name.length - 1] == '.') name.length--;
  return name;
}

/* Is it that name, or a subdomain of it? */
static bool ends_in (struct wsm_span host, struct wsm_span name) {
  const size_t from = host.length - name.length;
  if (name.length == 0 || name.length > host.length) return false;
  if (!wsm_span_equals_nocase(cut(host, from, name.length), name)) return false;
  return from == 0 || host.text[from - 1] == '.';
}

static bool matches_name (struct wsm_span entry, struct wsm_span host) {
  if (entry.length > 1 && entry.text[0] == '*' && entry.text[1] == '.')
    entry = cut(entry, 1, entry.length - 1);
  while (entry.length > 0 && entry.text[0] == '.')
    entry = cut(entry, 1, entry.length - 1);
  return ends_in(without_final_dot(host), without_final_dot(entry));
}

static bool matches (const struct entry *entry, const struct wsm_url *url) {
  struct wsm_ip host, network;
  if (entry->port != -1 && entry->port != url->port) return false;
  if (!wsm_ip_parse(&host, url->host))
    return entry->bits == -1 && !wsm_ip_parse(&network, entry->host) &&
           matches_name(entry->host, url->host);
  if (entry->bits == -2 || !wsm_ip_parse(&network, entry->host)) return false;
  return wsm_ip_matches(&host, &network,
                        entry->bits == -1 ? network.length * 8
                                          : (size_t)entry->bits);
}

/* Takes a word off the front of list; false: there is none left. */
static bool take_word (const char **list, struct wsm_span *word) {
  *list += strspn(*list, ", \t");
  word->text = *list;
  word->length = strcspn(*list, ", \t");
  *list += word->length;
  return word->length > 0;
}

bool wsm_environment_no_proxy_matches (const char *no_proxy,
                                       const struct wsm_url *url) {
  struct wsm_span word;
  while (no_proxy && take_word(&no_proxy, &word)) {
    const struct entry entry = entry_of(word);
    if (wsm_span_is(word, "*") || matches(&entry, url)) return true;
  }
  return false;
}

static const char *first_of (const char *a, const char *b) {
  return a && *a ? a : b && *b ? b : NULL;
}

struct wsm_span wsm_environment_proxy (const struct wsm_environment *env,
                                       const struct wsm_url *url) {
  const char *proxy = url->secure ? first_of(env->https_proxy, env->HTTPS_PROXY)
                                  : first_of(env->http_proxy, NULL);
  if (!proxy) proxy = first_of(env->all_proxy, env->ALL_PROXY);
  if (proxy && wsm_environment_no_proxy_matches(
                 first_of(env->no_proxy, env->NO_PROXY), url))
    proxy = NULL;
  return wsm_span_of(proxy);
}
