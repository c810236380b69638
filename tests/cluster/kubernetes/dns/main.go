// Command dns answers for the Services of the test cluster: NAME.NAMESPACE.svc.cluster.local is the
// cluster address. There is no other name: the cluster has no way out.
package main

import (
	"flag"
	"log"
	"net"
	"net/netip"
	"strings"

	"golang.org/x/net/dns/dnsmessage"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	corev1 "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/clientcmd"
)

const zone = ".svc.cluster.local."

func main() {
	kubeconfig := flag.String("kubeconfig", "", "file that names the API server")
	listen := flag.String("listen", "", "UDP address")
	flag.Parse()
	config, err := clientcmd.BuildConfigFromFlags("", *kubeconfig)
	if err != nil {
		log.Fatal(err)
	}
	factory := informers.NewSharedInformerFactory(kubernetes.NewForConfigOrDie(config), 0)
	services := factory.Core().V1().Services().Lister()
	factory.Start(wait.NeverStop)
	factory.WaitForCacheSync(wait.NeverStop)
	socket, err := net.ListenPacket("udp", *listen)
	if err != nil {
		log.Fatal(err)
	}
	buffer := make([]byte, 4096)
	for {
		length, peer, err := socket.ReadFrom(buffer)
		if err != nil {
			log.Fatal(err)
		}
		reply, err := answer(buffer[:length], services)
		if err != nil {
			log.Printf("from %s: %v", peer, err)
			continue
		}
		if _, err := socket.WriteTo(reply, peer); err != nil {
			log.Printf("to %s: %v", peer, err)
		}
	}
}

// answer resolves the first question of a query. A name that exists has an A record and no other.
func answer(query []byte, services corev1.ServiceLister) ([]byte, error) {
	var parser dnsmessage.Parser
	header, err := parser.Start(query)
	if err != nil {
		return nil, err
	}
	question, err := parser.Question()
	if err != nil {
		return nil, err
	}
	message := dnsmessage.Message{
		Header: dnsmessage.Header{
			ID: header.ID, Response: true, Authoritative: true, RecursionDesired: header.RecursionDesired,
			RCode: dnsmessage.RCodeNameError,
		},
		Questions: []dnsmessage.Question{question},
	}
	if address, found := lookUp(question.Name.String(), services); found {
		message.RCode = dnsmessage.RCodeSuccess
		if question.Type == dnsmessage.TypeA {
			message.Answers = []dnsmessage.Resource{{
				Header: dnsmessage.ResourceHeader{Name: question.Name, Class: dnsmessage.ClassINET, TTL: 1},
				Body:   &dnsmessage.AResource{A: address.As4()},
			}}
		}
	}
	return message.Pack()
}

func lookUp(name string, services corev1.ServiceLister) (netip.Addr, bool) {
	host, ours := strings.CutSuffix(strings.ToLower(name), zone)
	service, namespace, two := strings.Cut(host, ".")
	if !ours || !two {
		return netip.Addr{}, false
	}
	found, err := services.Services(namespace).Get(service)
	if err != nil {
		return netip.Addr{}, false
	}
	address, err := netip.ParseAddr(found.Spec.ClusterIP)
	return address, err == nil && address.Is4()
}
