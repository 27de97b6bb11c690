// Package main is CoreDNS with the few of its plug-ins that the lab's cluster needs: it answers the
// names of a file, and nothing that a cluster of its own would bring along.
package main

import (
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/coremain"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/hosts"
)

func main() {
	dnsserver.Directives = []string{"errors", "hosts"}
	coremain.Run()
}
