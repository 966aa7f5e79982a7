package check

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// base is what kustomize makes of deploy/kubernetes.
type base struct {
	deployment appsv1.Deployment
	service    corev1.Service
	config     corev1.ConfigMap
	account    corev1.ServiceAccount
	budget     policyv1.PodDisruptionBudget
	scaler     autoscalingv2.HorizontalPodAutoscaler
	network    networkingv1.NetworkPolicy
}

// kustomize builds the base and decodes each object strictly: a member that its type hasn't is an error.
func kustomize(t *testing.T) *base {
	t.Helper()
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), "../kubernetes")
	if err != nil {
		t.Fatal(err)
	}
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		appsv1.AddToScheme, corev1.AddToScheme, policyv1.AddToScheme, autoscalingv2.AddToScheme, networkingv1.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	decoder := serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()
	var b base
	for _, resource := range built.Resources() {
		text, err := resource.AsYAML()
		if err != nil {
			t.Fatal(err)
		}
		object, _, err := decoder.Decode(text, nil, nil)
		if err != nil {
			t.Fatalf("%s: %v", resource.CurId(), err)
		}
		b.take(t, object)
	}
	return &b
}

func (b *base) take(t *testing.T, object runtime.Object) {
	t.Helper()
	switch o := object.(type) {
	case *appsv1.Deployment:
		b.deployment = *o
	case *corev1.Service:
		b.service = *o
	case *corev1.ConfigMap:
		b.config = *o
	case *corev1.ServiceAccount:
		b.account = *o
	case *policyv1.PodDisruptionBudget:
		b.budget = *o
	case *autoscalingv2.HorizontalPodAutoscaler:
		b.scaler = *o
	case *networkingv1.NetworkPolicy:
		b.network = *o
	default:
		t.Errorf("nobody checks a %T", object)
	}
}

func (b *base) pod() corev1.PodSpec         { return b.deployment.Spec.Template.Spec }
func (b *base) container() corev1.Container { return b.pod().Containers[0] }

// url is what the kubelet asks for a probe of the container at an address.
func (b *base) url(host string, probe *corev1.Probe) string {
	for _, p := range b.container().Ports {
		if p.Name == probe.HTTPGet.Port.StrVal {
			return fmt.Sprintf("http://%s:%d%s", host, p.ContainerPort, probe.HTTPGet.Path)
		}
	}
	return ""
}

// environ is the container's, with a value for each key of the Secret.
func (b *base) environ(secret map[string]string) []string {
	var list []string
	for _, v := range b.container().Env {
		value := v.Value
		if v.ValueFrom != nil {
			value = secret[v.ValueFrom.SecretKeyRef.Key]
		}
		list = append(list, v.Name+"="+value)
	}
	return list
}

// secret is what the operator puts into the Secret.
func secret() map[string]string {
	return map[string]string{
		"database": "postgres://verdict:x@postgres:5432/verdict", "stream-url": "nats://verdict:x@nats:4222",
		"shop-key-hash": hash(shopKey),
	}
}

// settings has the gateway read the ConfigMap and the container's environment.
func (b *base) settings(t *testing.T) settings {
	t.Helper()
	return config(t, b.configFile(t), b.environ(secret()))
}

func (b *base) configFile(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "verdict.yaml")
	if err := os.WriteFile(file, []byte(b.config.Data["verdict.yaml"]), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestThePodsHaveSettingsThatThereAre(t *testing.T) {
	b := kustomize(t)
	s := b.settings(t)
	if s.Stream.URL == "" {
		t.Error("the stream is kept in the pod")
	}
	commandsReach(t, s.Admin.Address)
	mount := b.container().VolumeMounts[0]
	if want := []string{"serve", "--config", mount.MountPath + "/verdict.yaml"}; !slices.Equal(b.container().Args, want) {
		t.Errorf("told %v, want %v", b.container().Args, want)
	}
	if volume := b.pod().Volumes[0]; volume.Name != mount.Name || volume.ConfigMap.Name != b.config.Name {
		t.Errorf("%s is mounted, and the ConfigMap is %s", volume.ConfigMap.Name, b.config.Name)
	}
	ports := map[string]string{}
	for _, p := range b.container().Ports {
		ports[p.Name] = itoa(uint32(p.ContainerPort))
	}
	if want := map[string]string{"apps": port(t, s.Address), "probes": port(t, s.Admin.Probes)}; !maps.Equal(ports, want) {
		t.Errorf("ports %v, want %v", ports, want)
	}
}

// A Service named verdict would have Kubernetes set VERDICT_PORT, and a variable that is no setting is refused.
func TestKubernetesSetsNoVariablesOfItsOwn(t *testing.T) {
	b := kustomize(t)
	links := append(b.environ(secret()), "VERDICT_PORT=tcp://10.0.0.1:80")
	if err := configCommand(b.configFile(t), links).Run(); err == nil {
		t.Error("VERDICT_PORT is taken")
	}
	if links := b.pod().EnableServiceLinks; links == nil || *links {
		t.Error("service links are on")
	}
}

func TestThePodsFitTheRestrictedStandard(t *testing.T) {
	b := kustomize(t)
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	restricted := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
	pod := b.pod()
	for _, result := range evaluator.EvaluatePod(restricted, &b.deployment.Spec.Template.ObjectMeta, &pod) {
		if !result.Allowed {
			t.Errorf("%s: %s", result.ForbiddenReason, result.ForbiddenDetail)
		}
	}
	if limits := b.container().SecurityContext; limits.ReadOnlyRootFilesystem == nil || !*limits.ReadOnlyRootFilesystem {
		t.Error("the root folder can be written")
	}
	if mounted := b.account.AutomountServiceAccountToken; mounted == nil || *mounted || b.pod().ServiceAccountName != b.account.Name {
		t.Errorf("account %s has its token mounted", b.account.Name)
	}
	for _, volume := range b.pod().Volumes {
		if volume.ConfigMap == nil {
			t.Errorf("volume %s could keep something", volume.Name)
		}
	}
}

func TestAllSelectTheSamePods(t *testing.T) {
	b := kustomize(t)
	labels := b.deployment.Spec.Template.Labels
	for who, selector := range map[string]map[string]string{
		"Deployment": b.deployment.Spec.Selector.MatchLabels, "Service": b.service.Spec.Selector,
		"PodDisruptionBudget": b.budget.Spec.Selector.MatchLabels, "NetworkPolicy": b.network.Spec.PodSelector.MatchLabels,
		"topology spread": b.pod().TopologySpreadConstraints[0].LabelSelector.MatchLabels,
		"and by node":     b.pod().TopologySpreadConstraints[1].LabelSelector.MatchLabels,
	} {
		if len(selector) == 0 || !maps.Equal(selector, labels) {
			t.Errorf("%s selects %v, and pods have %v", who, selector, labels)
		}
	}
	if to := b.scaler.Spec.ScaleTargetRef; to.Kind != "Deployment" || to.Name != b.deployment.Name {
		t.Errorf("the autoscaler has %s %s", to.Kind, to.Name)
	}
	named := []string{b.service.Spec.Ports[0].TargetPort.StrVal}
	for _, rule := range b.network.Spec.Ingress {
		named = append(named, rule.Ports[0].Port.StrVal)
	}
	if want := []string{"apps", "apps", "probes"}; !slices.Equal(named, want) {
		t.Errorf("ports %v, want %v", named, want)
	}
}

func TestAnUpdateTakesNobodyAway(t *testing.T) {
	b := kustomize(t)
	if rolling := b.deployment.Spec.Strategy.RollingUpdate; rolling.MaxUnavailable.IntValue() != 0 || rolling.MaxSurge.IntValue() < 1 {
		t.Errorf("rolls with %+v", rolling)
	}
	if least := *b.scaler.Spec.MinReplicas; b.deployment.Spec.Replicas != nil || int(least) <= b.budget.Spec.MaxUnavailable.IntValue()+1 {
		t.Errorf("%d replicas at the least", least)
	}
	pause := time.Duration(b.container().Lifecycle.PreStop.Sleep.Seconds) * time.Second
	given := time.Duration(*b.pod().TerminationGracePeriodSeconds) * time.Second
	enough(t, "a pod", given, pause+drain(t, b.settings(t)))
}

func TestWhatTheBaseTakesForGrantedIsTold(t *testing.T) {
	guide := read(t, "../../docs/deploying.md")
	told := regexp.MustCompile(`--from-literal=([a-z-]+)=`).FindAllStringSubmatch(guide, -1)
	var keys []string
	for _, key := range told {
		keys = append(keys, key[1])
	}
	for _, v := range kustomize(t).container().Env {
		if v.ValueFrom == nil {
			continue
		}
		if from := v.ValueFrom.SecretKeyRef; from.Name != "verdict" || !slices.Contains(keys, from.Key) {
			t.Errorf("docs/deploying.md doesn't tell of %s in the Secret %s", from.Key, from.Name)
		}
	}
	if len(keys) != len(secret()) {
		t.Errorf("docs/deploying.md tells of %v", keys)
	}
}

// metrics are the names of what the autoscaler goes by, in the gateway's own words.
func (b *base) metrics() []string {
	var names []string
	for _, m := range b.scaler.Spec.Metrics {
		if m.External != nil {
			names = append(names, m.External.Metric.Name)
		}
	}
	return names
}

func TestTheAdapterServesWhatTheAutoscalerAsksFor(t *testing.T) {
	names := kustomize(t).metrics()
	if len(names) != 1 {
		t.Fatalf("goes by %v", names)
	}
	if rule := read(t, "../kubernetes/prometheus-adapter.yaml"); strings.Count(rule, names[0]+"{") != 1 {
		t.Errorf("the adapter's rule isn't about %s", names[0])
	}
}
