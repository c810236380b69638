// Command volumes gives every claim of the class "local" a folder of the node, and takes the folder
// back with a volume that was released.
package main

import (
	"context"
	"flag"
	"log"
	"os"
	"path/filepath"
	"time"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

const class = "local"

// owner is the user of the product's images: fsGroup does not apply to hostPath volumes.
const owner = 65532

type provisioner struct {
	client *kubernetes.Clientset
	folder string
}

func main() {
	kubeconfig := flag.String("kubeconfig", "", "file that names the API server")
	folder := flag.String("folder", "", "where the volumes are")
	flag.Parse()
	config, err := clientcmd.BuildConfigFromFlags("", *kubeconfig)
	if err != nil {
		log.Fatal(err)
	}
	p := provisioner{kubernetes.NewForConfigOrDie(config), *folder}
	// The resync is the retry of what failed.
	factory := informers.NewSharedInformerFactory(p.client, 5*time.Second)
	watch(factory.Core().V1().PersistentVolumeClaims().Informer(), p.provision)
	watch(factory.Core().V1().PersistentVolumes().Informer(), p.reclaim)
	factory.Start(context.Background().Done())
	select {}
}

// watch calls seen with every new state of every object.
func watch[T any](informer cache.SharedIndexInformer, seen func(T) error) {
	handle := func(object any) {
		if err := seen(object.(T)); err != nil {
			log.Print(err)
		}
	}
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    handle,
		UpdateFunc: func(_, object any) { handle(object) },
	})
	if err != nil {
		log.Fatal(err)
	}
}

// provision makes the volume of a claim that waits for one.
func (p provisioner) provision(claim *core.PersistentVolumeClaim) error {
	wanted := claim.Spec.StorageClassName != nil && *claim.Spec.StorageClassName == class
	if !wanted || claim.Spec.VolumeName != "" || claim.DeletionTimestamp != nil {
		return nil
	}
	name := "pvc-" + string(claim.UID)
	path := filepath.Join(p.folder, name)
	if err := os.MkdirAll(path, 0o770); err != nil {
		return err
	}
	if err := os.Chown(path, owner, owner); err != nil {
		return err
	}
	volume := &core.PersistentVolume{
		ObjectMeta: meta.ObjectMeta{Name: name},
		Spec: core.PersistentVolumeSpec{
			StorageClassName:              class,
			Capacity:                      claim.Spec.Resources.Requests,
			AccessModes:                   claim.Spec.AccessModes,
			PersistentVolumeReclaimPolicy: core.PersistentVolumeReclaimDelete,
			PersistentVolumeSource: core.PersistentVolumeSource{
				HostPath: &core.HostPathVolumeSource{Path: path},
			},
			ClaimRef: &core.ObjectReference{
				APIVersion: "v1", Kind: "PersistentVolumeClaim",
				Namespace: claim.Namespace, Name: claim.Name, UID: claim.UID,
			},
		},
	}
	_, err := p.client.CoreV1().PersistentVolumes().Create(context.Background(), volume, meta.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	return err
}

// reclaim removes a volume whose claim is gone, and its folder. The controller manager has no deleter for the
// folder and marks such a volume Failed; both phases mean the same here.
func (p provisioner) reclaim(volume *core.PersistentVolume) error {
	over := volume.Status.Phase == core.VolumeReleased || volume.Status.Phase == core.VolumeFailed
	if !over || volume.Spec.StorageClassName != class || volume.Spec.HostPath == nil {
		return nil
	}
	if err := os.RemoveAll(volume.Spec.HostPath.Path); err != nil {
		return err
	}
	err := p.client.CoreV1().PersistentVolumes().Delete(context.Background(), volume.Name, meta.DeleteOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}
