/*
 * A plain peer of the udp backend, as flannel's proxy is one: a packet a system call, no offloads. For tests and figures.
 *
 *   plain-peer DEVICE ADDRESS PORT NETWORK/LENGTH=HOST ...      makes the TUN, says "ready", and moves packets until it is killed
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <netinet/ip.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

struct route {
  uint32_t network, mask, host;
};

static struct route routes[20000];
static int route_count;

static void die(const char *what) {
  perror(what);
  exit(1);
}

static uint32_t find(uint32_t destination) {
  for (int i = 0; i < route_count; i++)
    if ((destination & routes[i].mask) == routes[i].network) return routes[i].host;
  return 0;
}

static int decrement_ttl(struct iphdr *ip) {
  if (--ip->ttl == 0) return 0;
  uint32_t sum = ip->check + htons(0x0100);
  ip->check = sum + (sum >= 0xffff);
  return 1;
}

int main(int argc, char **argv) {
  if (argc < 4) return 64;
  int tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
  if (tun < 0) die("/dev/net/tun");
  struct ifreq request = {0};
  strncpy(request.ifr_name, argv[1], IFNAMSIZ - 1);
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  if (ioctl(tun, TUNSETIFF, &request) < 0) die("TUNSETIFF");

  int udp = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[3]))};
  inet_pton(AF_INET, argv[2], &name.sin_addr);
  if (bind(udp, (struct sockaddr *)&name, sizeof name) < 0) die("bind");
  for (int i = 4; i < argc; i++) {
    char *slash = strchr(argv[i], '/'), *equals = strchr(argv[i], '=');
    if (!slash || !equals) return 64;
    *slash = *equals = 0;
    struct route *route = &routes[route_count++];
    int length = atoi(slash + 1);
    inet_pton(AF_INET, argv[i], &route->network);
    inet_pton(AF_INET, equals + 1, &route->host);
    route->mask = length ? htonl(~0u << (32 - length)) : 0;
  }
  puts("ready");
  fflush(stdout);

  static char buffer[65536];
  struct pollfd fds[2] = {{.fd = tun, .events = POLLIN}, {.fd = udp, .events = POLLIN}};
  for (;;) {
    if (poll(fds, 2, -1) < 0 && errno != EINTR) die("poll");
    int active;
    do {
      active = 0;
      ssize_t length = read(tun, buffer, sizeof buffer);
      if (length >= (ssize_t)sizeof(struct iphdr)) {
        active = 1;
        struct iphdr *ip = (struct iphdr *)buffer;
        uint32_t host = ip->version == 4 ? find(ip->daddr) : 0;
        if (host && decrement_ttl(ip)) {
          name.sin_addr.s_addr = host;
          sendto(udp, buffer, length, 0, (struct sockaddr *)&name, sizeof name);
        }
      }
      length = recv(udp, buffer, sizeof buffer, 0);
      if (length >= (ssize_t)sizeof(struct iphdr)) {
        active = 1;
        if (decrement_ttl((struct iphdr *)buffer)) {
          if (write(tun, buffer, length) < 0) active = 1; /* refused: lost, as any packet may be */
        }
      }
    } while (active);
  }
}
