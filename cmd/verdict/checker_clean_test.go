package main

import "time"

// clean returns the history of transactions that went as they should. Of the partner that acts on whatever it is sent: t1
// succeeded by its reply, and a webhook contradicted it later; t2 was never received; t3 is for review; t6 succeeded by a
// webhook. Of the one that deduplicates: t4 was slow on its way, and sent again when the silence about it was
// final, and two webhooks, of which one was wrong, had it checked; t5 was refused.
func clean() history {
	h := history{
		limits: limits{schedule: campaignSchedule(), manners: map[string]manner{
			"djamo": {webhookSettles: true, notFoundFinal: 10 * time.Second, checks: 3, window: time.Second},
			"momo":  {deduplicates: true, notFoundFinal: 2 * time.Second, checks: 3, window: time.Second},
		}},
		posts: []posting{
			{key: "k1", partner: "djamo", content: "{1}", sent: second(0), answered: second(0.1), status: 202, id: "t1", state: "pending"},
			{key: "k1", partner: "djamo", content: "{1}", sent: second(0), status: 0},
			{key: "k1", partner: "djamo", content: "{}", sent: second(1), answered: second(1.1), status: 422},
			{key: "k1", partner: "djamo", content: "{1}", sent: second(3), answered: second(3.1), status: 200, id: "t1", state: "succeeded", replayed: true},
			{key: "k2", partner: "djamo", content: "{2}", sent: second(0), answered: second(0.1), status: 202, id: "t2", state: "pending"},
			{key: "k3", partner: "djamo", content: "{3}", sent: second(0), answered: second(0.1), status: 202, id: "t3", state: "pending"},
			{key: "k1", partner: "momo", content: "{1}", sent: second(1), answered: second(1.1), status: 422},
			{key: "k4", partner: "momo", content: "{4}", sent: second(0), answered: second(0.1), status: 202, id: "t4", state: "pending"},
			{key: "k5", partner: "momo", content: "{5}", sent: second(0), answered: second(0.1), status: 202, id: "t5", state: "pending"},
			{key: "k6", partner: "djamo", content: "{6}", sent: second(0), answered: second(0.1), status: 202, id: "t6", state: "pending"},
		},
		tellings: []telling{
			{transaction: "t1", connections: 1, events: []told{tell("t1", "2", "pending", 1), tell("t1", "5", "succeeded", 2)}},
			{transaction: "t1", connections: 1, events: []told{tell("t1", "5", "succeeded", 20)}},
			{transaction: "t2", connections: 2, events: []told{tell("t2", "3", "pending", 1), tell("t2", "7", "failed", 13)}},
		},
		webhooks: []hooking{
			{"t1", `{"status":"declined"}`, 200}, {"t1", "lost", 0}, {"t9", "early", 200}, {"t4", `{"status":"FAILED"}`, 200},
			{"t4", `{"status":"SUCCESSFUL"}`, 200}, {"t6", `{"status":"completed"}`, 200},
		},
		calls: []calling{
			sendAt("t1", 1, 200), sendAt("t2", 1, 0), sendAt("t3", 1, 0),
			checkAt("t2", 4, 404), checkAt("t2", 2, 404), checkAt("t2", 11.5, 404), checkAt("t1", 2.5, 200),
			sendAt("t4", 1.5, 0), checkAt("t4", 2.95, 404), sendAt("t4", 3.2, 409), checkAt("t4", 3.6, 200), checkAt("t4", 3.9, 200),
			{at: second(1), submit: true, transaction: "t5", status: 500, refused: true},
			sendAt("t6", 1, 0),
		},
		effects: []effect{
			{ID: "t1", partner: "djamo", Status: "completed", At: second(1.5)}, {ID: "t4", partner: "momo", Status: "completed", At: second(3.8)},
			{ID: "t6", partner: "djamo", Status: "completed", At: second(1.5)},
		},
		repeated: map[string]int{"djamo": 0, "momo": 1},
	}
	h.disk = cleanDisk()
	return h
}

// second is a moment of that history.
func second(s float64) time.Time {
	return time.Unix(1000, 0).Add(time.Duration(s * float64(time.Second)))
}

func tell(id, event, status string, s float64) told {
	return told{at: second(s), id: event, data: id + status, view: view{ID: id, Status: status}}
}

func sendAt(id string, s float64, status int) calling {
	return calling{at: second(s), submit: true, transaction: id, status: status}
}

func checkAt(id string, s float64, status int) calling {
	return calling{at: second(s), transaction: id, status: status}
}

func cleanDisk() onDisk {
	return onDisk{
		rows: []diskRow{
			{id: "t1", key: "k1", partner: "djamo", payload: "{1}", status: "succeeded", stage: "settled", event: 5, sent: second(1), settled: second(1.9)},
			{id: "t2", key: "k2", partner: "djamo", payload: "{2}", status: "failed", stage: "settled", event: 7, sent: second(1), settled: second(12)},
			{id: "t3", key: "k3", partner: "djamo", payload: "{3}", status: "pending", stage: "review", event: 6, sent: second(1)},
			{id: "t4", key: "k4", partner: "momo", payload: "{4}", status: "succeeded", stage: "settled", event: 9, sent: second(3.2), settled: second(4)},
			{id: "t5", key: "k5", partner: "momo", payload: "{5}", status: "failed", stage: "settled", event: 4, sent: second(1), settled: second(1.1)},
			{id: "t6", key: "k6", partner: "djamo", payload: "{6}", status: "succeeded", stage: "settled", event: 8, sent: second(1), settled: second(1.6)},
		},
		evidence: []diskEvidence{
			{transaction: "t1", source: "reply", outcome: "succeeded", asked: second(1), at: second(1.9)},
			{transaction: "t1", source: "webhook", outcome: "failed", conflict: true, raw: `{"status":"declined"}`},
			{transaction: "t2", source: "check", outcome: "not_found", asked: second(2)},
			{transaction: "t2", source: "check", outcome: "not_found", asked: second(11.4)},
			{transaction: "t4", source: "check", outcome: "not_found", asked: second(2.95)},
			{transaction: "t4", source: "webhook", outcome: "failed", conflict: true, raw: `{"status":"FAILED"}`},
			{transaction: "t4", source: "check", outcome: "pending", asked: second(3.6)},
			{transaction: "t4", source: "webhook", outcome: "succeeded", raw: `{"status":"SUCCESSFUL"}`},
			{transaction: "t4", source: "check", outcome: "succeeded", asked: second(3.9)},
			{transaction: "t5", source: "reply", outcome: "failed", asked: second(1)},
			{transaction: "t6", source: "webhook", outcome: "succeeded", raw: `{"status":"completed"}`},
			{transaction: "t4", source: "check", outcome: "not_found", asked: second(1.2)},
			{transaction: "t4", source: "reply", outcome: "unknown", asked: second(0.9)},
			{transaction: "t4", source: "reply", outcome: "pending", asked: second(3.15)},
		},
		parked: []hooking{{transaction: "t9", body: "early"}},
	}
}
