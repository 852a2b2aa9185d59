BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0005');
CREATE TABLE answers (
	id INTEGER NOT NULL, 
	case_id INTEGER NOT NULL, 
	task VARCHAR NOT NULL, 
	package_id INTEGER NOT NULL, 
	package_hash VARCHAR NOT NULL, 
	score DOUBLE, 
	choice VARCHAR NOT NULL, 
	answer JSON NOT NULL, 
	settings JSON NOT NULL, 
	user_id INTEGER NOT NULL, 
	at DATETIME NOT NULL, urgency DOUBLE, uncertainty DOUBLE, 
	CONSTRAINT pk_answers PRIMARY KEY (id), 
	CONSTRAINT fk_answers_case_id_cases FOREIGN KEY(case_id) REFERENCES cases (id) ON DELETE CASCADE, 
	CONSTRAINT fk_answers_package_id_package_versions FOREIGN KEY(package_id) REFERENCES package_versions (id), 
	CONSTRAINT fk_answers_user_id_users FOREIGN KEY(user_id) REFERENCES users (id), 
	CONSTRAINT uq_answers_case_id_task_package_hash UNIQUE (case_id, task, package_hash)
);
INSERT INTO "answers" VALUES(1,1,'mortality',1,'b98ab9a4be46601bbc65e4008b8d448f3585e8aecd05952e298a464707d040a6',2.04170588454758328289e-01,'hospital_death','{"task": "mortality", "package": "mortality 1.0.0", "package_hash": "b98ab9a4be46601bbc65e4008b8d448f3585e8aecd05952e298a464707d040a6", "probabilities": {"hospital_death": 0.20417058845475833}, "ranges": {"hospital_death": [0.06105297911859359, 0.5730488811375667]}, "thresholds": {"hospital_death": 0.18173936570135277}, "choice": "hospital_death", "set": ["hospital_death"], "unlike": 0.7722772277227723, "absent": ["income"], "wished": ["income"], "remarks": [], "device": "cpu", "seconds": 0.21586413399973026, "versions": {"medcore": "0.1.0", "torch": "2.13.0+cpu", "numpy": "2.4.6", "scipy": "1.17.1"}, "inputs": {"record": "69b6c8f746e9df04529fdc824599e9c7ffcaec3a2bc8748e2e894bf1fdd09dbe"}}','{"device": "auto"}',1,'2026-11-21 15:49:04.647332',2.04170588454758328289e-01,9.72586701824374122438e-01);
CREATE TABLE "attributions" (
	id INTEGER NOT NULL, 
	answer_id INTEGER NOT NULL, 
	label VARCHAR NOT NULL, 
	method VARCHAR NOT NULL, 
	about JSON NOT NULL, 
	file VARCHAR NOT NULL, 
	user_id INTEGER NOT NULL, 
	at DATETIME NOT NULL, 
	baseline VARCHAR DEFAULT '' NOT NULL, 
	CONSTRAINT pk_attributions PRIMARY KEY (id), 
	CONSTRAINT fk_attributions_answer_id_answers FOREIGN KEY(answer_id) REFERENCES answers (id) ON DELETE CASCADE, 
	CONSTRAINT fk_attributions_user_id_users FOREIGN KEY(user_id) REFERENCES users (id), 
	CONSTRAINT uq_attributions_answer_id_label_method_baseline UNIQUE (answer_id, label, method, baseline)
);
INSERT INTO "attributions" VALUES(1,1,'hospital_death','integrated_gradients','{"task": "mortality", "label": "hospital_death", "method": "integrated_gradients", "baseline": "Compared with the mean of the training patients, for the values that were measured.", "gap": 0.27363190054893494, "words": [["Albumin", 0.3102869770646114], ["Mean arterial pressure", 0.10520657093700032], ["Schooling", 0.08368665310286445], ["Creatinine", -0.06684630980486884]], "failure": "", "device": "cpu", "seconds": 0.9472394370000075}','ea681bf64840cb4ccdb459078ab5cff39334d91fb4adf2483b435aa77d19bc3f',1,'2026-11-21 15:49:05.653556','');
CREATE TABLE audit (
	id INTEGER NOT NULL, 
	at VARCHAR NOT NULL, 
	user VARCHAR NOT NULL, 
	action VARCHAR NOT NULL, 
	subject VARCHAR NOT NULL, 
	details VARCHAR NOT NULL, 
	previous VARCHAR NOT NULL, 
	hash VARCHAR NOT NULL, 
	CONSTRAINT pk_audit PRIMARY KEY (id)
);
INSERT INTO "audit" VALUES(1,'2026-11-21T15:48:49.066059+00:00','system','first_accounts','users','{}','0000000000000000000000000000000000000000000000000000000000000000','dec9a176d8181b074e7fb528ed5111618de0496beac3aa40a98a432e3f1ac4db');
INSERT INTO "audit" VALUES(2,'2026-11-21T15:48:49.102924+00:00','reader','sign_in','user 1','{}','dec9a176d8181b074e7fb528ed5111618de0496beac3aa40a98a432e3f1ac4db','3185361f42acbdb43afea17d62130227dbcee41e0ad59ddb5b8365ca4d9371ad');
INSERT INTO "audit" VALUES(3,'2026-11-21T15:48:49.121245+00:00','trainer','sign_in','user 2','{}','3185361f42acbdb43afea17d62130227dbcee41e0ad59ddb5b8365ca4d9371ad','8b8ae2715cc4d118bdf56f0df1a2701c189c128bcb73429733489c1ad6068c15');
INSERT INTO "audit" VALUES(4,'2026-11-21T15:48:54.471182+00:00','trainer','retrain','run 1','{"data": "simulated", "task": "mortality"}','8b8ae2715cc4d118bdf56f0df1a2701c189c128bcb73429733489c1ad6068c15','5fec30034c34dc74ca0a51b1bc505aa9cbe23804524c271fb20290f7c76d85f6');
INSERT INTO "audit" VALUES(5,'2026-11-21T15:49:04.281244+00:00','system','register','package 1','{"hash": "b98ab9a4be46601bbc65e4008b8d448f3585e8aecd05952e298a464707d040a6", "task": "mortality"}','5fec30034c34dc74ca0a51b1bc505aa9cbe23804524c271fb20290f7c76d85f6','19cadd1317e069a8223a22406f3d5f6f483bcaa58e113e9b0f710de362fcc0e3');
INSERT INTO "audit" VALUES(6,'2026-11-21T15:49:04.282500+00:00','trainer','trained','run 1','{"hash": "b98ab9a4be46601bbc65e4008b8d448f3585e8aecd05952e298a464707d040a6", "package": 1}','19cadd1317e069a8223a22406f3d5f6f483bcaa58e113e9b0f710de362fcc0e3','cd03a0e0666ec0df646c6e218f4fc44447df93cdc1f8fc7d9f2626171de20a49');
INSERT INTO "audit" VALUES(7,'2026-11-21T15:49:04.310793+00:00','trainer','promote','package 1','{"hash": "b98ab9a4be46601bbc65e4008b8d448f3585e8aecd05952e298a464707d040a6", "override": false, "task": "mortality"}','cd03a0e0666ec0df646c6e218f4fc44447df93cdc1f8fc7d9f2626171de20a49','9bdf9199dab4c211882ade4d5e8af0c88921777469d988978f86c6e8d5f02e11');
INSERT INTO "audit" VALUES(8,'2026-11-21T15:49:04.358831+00:00','reader','admit','case 1','{"inputs": 1, "kind": "record", "source": "demo"}','9bdf9199dab4c211882ade4d5e8af0c88921777469d988978f86c6e8d5f02e11','92708891ba4f60ec78557915fb1ce51ab8fa7a351c0fda7420fbc84b5213feb9');
INSERT INTO "audit" VALUES(9,'2026-11-21T15:49:04.383853+00:00','reader','admit','case 2','{"inputs": 1, "kind": "record", "source": "demo"}','92708891ba4f60ec78557915fb1ce51ab8fa7a351c0fda7420fbc84b5213feb9','8cc92e8ce79e3357b180fd41715b76a9fa00692373c76a3db003fbc2ba35d62f');
INSERT INTO "audit" VALUES(10,'2026-11-21T15:49:04.406085+00:00','reader','lock_read','case 1','{"answer": null, "review": 1, "task": "mortality"}','8cc92e8ce79e3357b180fd41715b76a9fa00692373c76a3db003fbc2ba35d62f','d02a2c34ac9797a63fc4a2037ec0f64ddea9415ff0925d1d2e1da73a3754ecbe');
INSERT INTO "audit" VALUES(11,'2026-11-21T15:49:04.652593+00:00','reader','answer','case 1','{"answer": 1, "hash": "b98ab9a4be46601bbc65e4008b8d448f3585e8aecd05952e298a464707d040a6", "task": "mortality"}','d02a2c34ac9797a63fc4a2037ec0f64ddea9415ff0925d1d2e1da73a3754ecbe','13db3c62d655c91d9ccfbe807790e65da0d7a0df0d241f811fe9c8321e5d3896');
INSERT INTO "audit" VALUES(12,'2026-11-21T15:49:05.654445+00:00','reader','explain','case 1','{"answer": 1, "attribution": 1, "label": "hospital_death", "method": "integrated_gradients"}','13db3c62d655c91d9ccfbe807790e65da0d7a0df0d241f811fe9c8321e5d3896','9f568a676d524ab9606c79276e99a2f81dc1ec6bd22590a09b3d79bf50b340bc');
INSERT INTO "audit" VALUES(13,'2026-11-21T15:49:05.674181+00:00','reader','review','case 1','{"answer": 1, "review": 2, "task": "mortality"}','9f568a676d524ab9606c79276e99a2f81dc1ec6bd22590a09b3d79bf50b340bc','b53a65f46902dc34a4d01b7d89a6a715fc09967251e5b957ee3f17f8c0e1dfb8');
INSERT INTO "audit" VALUES(14,'2026-11-21T15:49:05.683332+00:00','reader','review','case 1','{"answer": 1, "review": 3, "task": "mortality"}','b53a65f46902dc34a4d01b7d89a6a715fc09967251e5b957ee3f17f8c0e1dfb8','7f430de450592f1fe88115ddb331f6e1d7dcbbc367d0bb7aeb84e6f94f5dbc66');
INSERT INTO "audit" VALUES(15,'2026-11-21T15:49:05.698363+00:00','reader','lock_read','case 2','{"answer": null, "review": 4, "task": "mortality"}','7f430de450592f1fe88115ddb331f6e1d7dcbbc367d0bb7aeb84e6f94f5dbc66','67b026543983767065301db66a1d470a86b362177d1d09afc17e5e33c6796b80');
INSERT INTO "audit" VALUES(16,'2026-11-21T15:49:06.932355+00:00','reader','admit','case 3','{"inputs": 1, "kind": "signal", "source": "upload"}','67b026543983767065301db66a1d470a86b362177d1d09afc17e5e33c6796b80','ae16b1d8bdf178cb33b7fa935d751d4d05f4874e3f9cf275dbef7b4e8d722ede');
INSERT INTO "audit" VALUES(17,'2026-11-21T15:49:06.949046+00:00','reader','admit','case 4','{"inputs": 1, "kind": "image", "source": "upload"}','ae16b1d8bdf178cb33b7fa935d751d4d05f4874e3f9cf275dbef7b4e8d722ede','073881de1be81f2618f69c14082d9ba2a78dab9b7cb9921331f13a4b38700c7c');
INSERT INTO "audit" VALUES(18,'2026-11-21T15:49:06.959422+00:00','reader','open','case 3','{}','073881de1be81f2618f69c14082d9ba2a78dab9b7cb9921331f13a4b38700c7c','bfb8fa44925d1dfd5a3bff634bc4f67190ec6a3b27883c442e7e88e7441ca389');
INSERT INTO "audit" VALUES(19,'2026-11-21T15:49:07.004582+00:00','trainer','retrain','run 2','{"data": "mix", "task": "mortality"}','bfb8fa44925d1dfd5a3bff634bc4f67190ec6a3b27883c442e7e88e7441ca389','fe368c05bc78577f410032260b78b015caedcc8c66b3217598ae60e240a3d1a1');
CREATE TABLE audit_head (
	id INTEGER NOT NULL, 
	last INTEGER NOT NULL, 
	hash VARCHAR NOT NULL, 
	CONSTRAINT pk_audit_head PRIMARY KEY (id)
);
INSERT INTO "audit_head" VALUES(1,19,'fe368c05bc78577f410032260b78b015caedcc8c66b3217598ae60e240a3d1a1');
CREATE TABLE cases (
	id INTEGER NOT NULL, 
	number VARCHAR NOT NULL, 
	running INTEGER NOT NULL, 
	kind VARCHAR NOT NULL, 
	task VARCHAR, 
	patient_id INTEGER NOT NULL, 
	age_years DOUBLE, 
	sex VARCHAR NOT NULL, 
	state VARCHAR NOT NULL, 
	source VARCHAR NOT NULL, 
	simulated BOOLEAN NOT NULL, 
	received DATETIME NOT NULL, 
	CONSTRAINT pk_cases PRIMARY KEY (id), 
	CONSTRAINT fk_cases_patient_id_patients FOREIGN KEY(patient_id) REFERENCES patients (id), 
	CONSTRAINT uq_cases_kind_running UNIQUE (kind, running), 
	CONSTRAINT uq_cases_number UNIQUE (number)
);
INSERT INTO "cases" VALUES(1,'REC-0001',1,'record','mortality',1,77.0,'F','reviewed','demo',1,'2026-11-21 15:49:04.349968');
INSERT INTO "cases" VALUES(2,'REC-0002',2,'record','mortality',2,70.0,'F','read','demo',1,'2026-11-21 15:49:04.381795');
INSERT INTO "cases" VALUES(3,'ECG-0001',1,'signal','ecg_rhythm',3,42.0,'F','to_read','upload',0,'2026-11-21 15:49:06.925986');
INSERT INTO "cases" VALUES(4,'FILM-0001',1,'image','cxr_pneumonia',4,64.0,'F','to_read','upload',0,'2026-11-21 15:49:06.933855');
CREATE TABLE embeddings (
	id INTEGER NOT NULL, 
	answer_id INTEGER NOT NULL, 
	vector BLOB NOT NULL, 
	CONSTRAINT pk_embeddings PRIMARY KEY (id), 
	CONSTRAINT fk_embeddings_answer_id_answers FOREIGN KEY(answer_id) REFERENCES answers (id) ON DELETE CASCADE, 
	CONSTRAINT uq_embeddings_answer_id UNIQUE (answer_id)
);
INSERT INTO "embeddings" VALUES(1,1,X'0000003F0000A0BF0000000000000040');
CREATE TABLE epochs (
	id INTEGER NOT NULL, 
	run_id INTEGER NOT NULL, 
	fold INTEGER NOT NULL, 
	epoch INTEGER NOT NULL, 
	figures JSON NOT NULL, 
	at DATETIME NOT NULL, 
	CONSTRAINT pk_epochs PRIMARY KEY (id), 
	CONSTRAINT fk_epochs_run_id_runs FOREIGN KEY(run_id) REFERENCES runs (id) ON DELETE CASCADE, 
	CONSTRAINT uq_epochs_run_id_fold_epoch UNIQUE (run_id, fold, epoch)
);
INSERT INTO "epochs" VALUES(1,1,0,1,'{"fold": 0, "epoch": 1, "epochs": 1, "loss": 0.6920083165168762, "validation_loss": 0.6555428504943848, "metrics": {"auroc": 1.0, "auprc": 1.0, "accuracy": 0.6666666666666666, "balanced_accuracy": 0.5, "brier": 0.23128219092365074, "ece": 0.47900644220485517}}','2026-11-21 15:49:02.482255');
CREATE TABLE evidence (
	attribution_id INTEGER NOT NULL, 
	evidence JSON NOT NULL, 
	limits JSON NOT NULL, 
	seconds DOUBLE NOT NULL, 
	at DATETIME NOT NULL, 
	CONSTRAINT pk_evidence PRIMARY KEY (attribution_id), 
	CONSTRAINT fk_evidence_attribution_id_attributions FOREIGN KEY(attribution_id) REFERENCES attributions (id) ON DELETE CASCADE
);
INSERT INTO "evidence" VALUES(1,'{"deletion": 2.1, "insertion": 3.0, "infidelity": 0.2, "sensitivity": 0.1, "randomised": 0.1, "half": 0.2, "agreement": 0.9, "others": {"shapley": 0.9}, "beaten": 20, "counts": {"orders": 20, "steps": 10, "samples": 40, "moves": 3}}','{"deletion": 1.64, "insertion": 1.64, "infidelity": 0.9, "sensitivity": 1.0, "randomised": 0.5, "agreement": 0.2}',1.5,'2026-11-22 02:00:00.000000');
CREATE TABLE exercise_cases (
	id INTEGER NOT NULL, 
	exercise_id INTEGER NOT NULL, 
	case_id INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	decoy VARCHAR NOT NULL, 
	CONSTRAINT pk_exercise_cases PRIMARY KEY (id), 
	CONSTRAINT fk_exercise_cases_exercise_id_exercises FOREIGN KEY(exercise_id) REFERENCES exercises (id), 
	CONSTRAINT fk_exercise_cases_case_id_cases FOREIGN KEY(case_id) REFERENCES cases (id) ON DELETE CASCADE, 
	CONSTRAINT uq_exercise_cases_exercise_id_case_id UNIQUE (exercise_id, case_id)
);
INSERT INTO "exercise_cases" VALUES(1,1,1,0,'hospital_death');
INSERT INTO "exercise_cases" VALUES(2,1,2,1,'');
CREATE TABLE exercise_readers (
	id INTEGER NOT NULL, 
	exercise_id INTEGER NOT NULL, 
	user_id INTEGER NOT NULL, 
	joined DATETIME NOT NULL, 
	finished DATETIME, 
	CONSTRAINT pk_exercise_readers PRIMARY KEY (id), 
	CONSTRAINT fk_exercise_readers_exercise_id_exercises FOREIGN KEY(exercise_id) REFERENCES exercises (id), 
	CONSTRAINT fk_exercise_readers_user_id_users FOREIGN KEY(user_id) REFERENCES users (id), 
	CONSTRAINT uq_exercise_readers_exercise_id_user_id UNIQUE (exercise_id, user_id)
);
INSERT INTO "exercise_readers" VALUES(1,1,1,'2026-11-21 18:49:05.000000',NULL);
CREATE TABLE exercises (
	id INTEGER NOT NULL, 
	title VARCHAR NOT NULL, 
	task VARCHAR NOT NULL, 
	user_id INTEGER NOT NULL, 
	at DATETIME NOT NULL, 
	CONSTRAINT pk_exercises PRIMARY KEY (id), 
	CONSTRAINT fk_exercises_user_id_users FOREIGN KEY(user_id) REFERENCES users (id)
);
INSERT INTO "exercises" VALUES(1,'First exercise','mortality',2,'2026-11-21 18:49:05.000000');
CREATE TABLE files (
	sha256 VARCHAR NOT NULL, 
	size INTEGER NOT NULL, 
	CONSTRAINT pk_files PRIMARY KEY (sha256)
);
INSERT INTO "files" VALUES('371977d6eaa9744597754cf41dbc111bb536ced3efff4c6ecfecfe0bc97f5b24',517);
INSERT INTO "files" VALUES('8485f2b673ddb810fa18cf819727e7377cb3cd5428781f73373a81cd82a6adf1',522);
INSERT INTO "files" VALUES('ea681bf64840cb4ccdb459078ab5cff39334d91fb4adf2483b435aa77d19bc3f',440);
INSERT INTO "files" VALUES('638826659102b3f6997dbfb7364e9e8fe9b5550adafdb0c00ac80c330b89b586',243452);
INSERT INTO "files" VALUES('22dc074428f4ee65fc4da0ad87e9a6b3b31d2685330883fa7c33eda6640bf1a1',7199282);
CREATE TABLE inputs (
	id INTEGER NOT NULL, 
	case_id INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	kind VARCHAR NOT NULL, 
	sha256 VARCHAR NOT NULL, 
	files JSON NOT NULL, 
	facts JSON NOT NULL, 
	remarks JSON NOT NULL, 
	shape JSON NOT NULL, 
	CONSTRAINT pk_inputs PRIMARY KEY (id), 
	CONSTRAINT fk_inputs_case_id_cases FOREIGN KEY(case_id) REFERENCES cases (id) ON DELETE CASCADE
);
INSERT INTO "inputs" VALUES(1,1,0,'record','69b6c8f746e9df04529fdc824599e9c7ffcaec3a2bc8748e2e894bf1fdd09dbe','{"record.medcore": "371977d6eaa9744597754cf41dbc111bb536ced3efff4c6ecfecfe0bc97f5b24"}','{"age_years": "77", "sex": "F", "simulated": "yes"}','[]','[26]');
INSERT INTO "inputs" VALUES(2,2,0,'record','0d2d326aa8ec2e09fa7d63f33665061692f2fb511555184b4bac317411c18b9d','{"record.medcore": "8485f2b673ddb810fa18cf819727e7377cb3cd5428781f73373a81cd82a6adf1"}','{"age_years": "70", "sex": "F", "simulated": "yes"}','[]','[24]');
INSERT INTO "inputs" VALUES(3,3,0,'signal','b478e8fc22016758f9d246e62364a9b9ca1daa354c072502b37c51eba6f19f62','{"signal.dcm": "638826659102b3f6997dbfb7364e9e8fe9b5550adafdb0c00ac80c330b89b586"}','{"modality": "ECG", "age_years": "42", "sex": "F", "acquired": "2012-11-04"}','["The file also holds averaged beats or further groups; they aren''t read."]','[12, 10000]');
INSERT INTO "inputs" VALUES(4,4,0,'image','89a696e0d0904dcee0d103e28016a71e910e2524d4b4269d0f96d390db15da6d','{"image.dcm": "22dc074428f4ee65fc4da0ad87e9a6b3b31d2685330883fa7c33eda6640bf1a1"}','{"modality": "CR", "view": "PA", "body_part": "CHEST", "age_years": "64", "sex": "F", "acquired": "1995-06-12"}','[]','[1955, 1841]');
CREATE TABLE jobs (
	id INTEGER NOT NULL, 
	kind VARCHAR NOT NULL, 
	args JSON NOT NULL, 
	state VARCHAR NOT NULL, 
	owner VARCHAR NOT NULL, 
	lease DOUBLE NOT NULL, 
	attempts INTEGER NOT NULL, 
	cancel BOOLEAN NOT NULL, 
	progress DOUBLE NOT NULL, 
	note VARCHAR NOT NULL, 
	error VARCHAR NOT NULL, 
	user_id INTEGER NOT NULL, 
	at DATETIME NOT NULL, 
	started DATETIME, 
	finished DATETIME, 
	CONSTRAINT pk_jobs PRIMARY KEY (id), 
	CONSTRAINT fk_jobs_user_id_users FOREIGN KEY(user_id) REFERENCES users (id)
);
INSERT INTO "jobs" VALUES(1,'train','{"run": 1}','done','worker',0.0,1,0,1.0,'Net 1 of 1, epoch 1 of 1','',2,'2026-11-21 15:48:54.458338','2026-11-21 15:48:54.487687','2026-11-21 15:49:04.282923');
INSERT INTO "jobs" VALUES(2,'train','{"run": 2}','queued','',0.0,0,0,0.0,'','',2,'2026-11-21 15:49:06.998524',NULL,NULL);
CREATE TABLE package_versions (
	id INTEGER NOT NULL, 
	task VARCHAR NOT NULL, 
	version VARCHAR NOT NULL, 
	hash VARCHAR NOT NULL, 
	folder VARCHAR NOT NULL, 
	source VARCHAR NOT NULL, 
	run_id INTEGER, 
	report JSON NOT NULL, 
	at DATETIME NOT NULL, 
	CONSTRAINT pk_package_versions PRIMARY KEY (id), 
	CONSTRAINT fk_package_versions_run_id_runs FOREIGN KEY(run_id) REFERENCES runs (id), 
	CONSTRAINT uq_package_versions_task_hash UNIQUE (task, hash)
);
INSERT INTO "package_versions" VALUES(1,'mortality','1.0.0','b98ab9a4be46601bbc65e4008b8d448f3585e8aecd05952e298a464707d040a6','packages/mortality/1.0.0','run',1,'{"n": 10, "metrics": {"auroc": {"value": 0.5625, "low": 0.1791666666666667, "high": 0.8888888888888888}, "auprc": {"value": 0.30952380952380953, "low": 0.125, "high": 0.8333333333333333}, "accuracy": {"value": 0.6, "low": 0.3, "high": 0.9}, "balanced_accuracy": {"value": 0.5625, "low": 0.2222222222222222, "high": 0.9229166666666665}, "brier": {"value": 0.2643998385887066, "low": 0.11944016655954637, "high": 0.4232359949851118}, "ece": {"value": 0.43684475015475754, "low": 0.27970980867689615, "high": 0.5984441967604318}}, "by_source": {}}','2026-11-21 15:49:04.280289');
CREATE TABLE patients (
	id INTEGER NOT NULL, 
	pseudonym VARCHAR NOT NULL, 
	CONSTRAINT pk_patients PRIMARY KEY (id), 
	CONSTRAINT uq_patients_pseudonym UNIQUE (pseudonym)
);
INSERT INTO "patients" VALUES(1,'TB7FJUI52X');
INSERT INTO "patients" VALUES(2,'5CFB2HOUR5');
INSERT INTO "patients" VALUES(3,'HZMDY2HBCP');
INSERT INTO "patients" VALUES(4,'7YR436CC3T');
CREATE TABLE reviews (
	id INTEGER NOT NULL, 
	case_id INTEGER NOT NULL, 
	task VARCHAR NOT NULL, 
	user_id INTEGER NOT NULL, 
	stage VARCHAR NOT NULL, 
	choice VARCHAR NOT NULL, 
	confidence INTEGER, 
	agrees BOOLEAN, 
	comment VARCHAR NOT NULL, 
	answer_id INTEGER, 
	decoy BOOLEAN NOT NULL, 
	at DATETIME NOT NULL, opened DATETIME, shown BOOLEAN DEFAULT 0 NOT NULL, 
	CONSTRAINT pk_reviews PRIMARY KEY (id), 
	CONSTRAINT fk_reviews_answer_id_answers FOREIGN KEY(answer_id) REFERENCES answers (id), 
	CONSTRAINT fk_reviews_case_id_cases FOREIGN KEY(case_id) REFERENCES cases (id) ON DELETE CASCADE, 
	CONSTRAINT fk_reviews_user_id_users FOREIGN KEY(user_id) REFERENCES users (id)
);
INSERT INTO "reviews" VALUES(1,1,'mortality',1,'first','survival',2,NULL,'unsure',NULL,0,'2026-11-21 15:49:04.405403',NULL,0);
INSERT INTO "reviews" VALUES(2,1,'mortality',1,'final','hospital_death',NULL,1,'',1,0,'2026-11-21 15:49:05.673750',NULL,0);
INSERT INTO "reviews" VALUES(3,1,'mortality',1,'final','',NULL,NULL,'can''t tell after all',1,0,'2026-11-21 15:49:05.682918',NULL,0);
INSERT INTO "reviews" VALUES(4,2,'mortality',1,'first','hospital_death',4,NULL,'',NULL,0,'2026-11-21 15:49:05.697929',NULL,0);
INSERT INTO "reviews" VALUES(5,2,'mortality',2,'first','survival',3,NULL,'',NULL,0,'2026-11-21 18:49:05.000000','2026-11-21 18:48:05.000000',0);
CREATE TABLE runs (
	id INTEGER NOT NULL, 
	task VARCHAR NOT NULL, 
	version VARCHAR NOT NULL, 
	job_id INTEGER NOT NULL, 
	user_id INTEGER NOT NULL, 
	settings JSON NOT NULL, 
	report JSON, 
	at DATETIME NOT NULL, 
	CONSTRAINT pk_runs PRIMARY KEY (id), 
	CONSTRAINT fk_runs_job_id_jobs FOREIGN KEY(job_id) REFERENCES jobs (id), 
	CONSTRAINT fk_runs_user_id_users FOREIGN KEY(user_id) REFERENCES users (id), 
	CONSTRAINT uq_runs_task_version UNIQUE (task, version)
);
INSERT INTO "runs" VALUES(1,'mortality','1.0.0',1,2,'{"data": "simulated", "folder": null, "n": 60, "recipe": {"epochs": 1}, "start": "in_use", "start_hash": null, "seed": 0, "folds": 1}','{"candidate": "mortality 1.0.0", "current": null, "worse": []}','2026-11-21 15:48:54.469770');
INSERT INTO "runs" VALUES(2,'mortality','1.1.0',2,2,'{"data": "mix", "folder": null, "n": 60, "recipe": {}, "start": "in_use", "start_hash": "b98ab9a4be46601bbc65e4008b8d448f3585e8aecd05952e298a464707d040a6", "seed": 0, "folds": 1}',NULL,'2026-11-21 15:49:06.999651');
CREATE TABLE truths (
	id INTEGER NOT NULL, 
	case_id INTEGER NOT NULL, 
	task VARCHAR NOT NULL, 
	choice VARCHAR NOT NULL, 
	origin VARCHAR NOT NULL, 
	user_id INTEGER NOT NULL, 
	at DATETIME NOT NULL, 
	CONSTRAINT pk_truths PRIMARY KEY (id), 
	CONSTRAINT fk_truths_case_id_cases FOREIGN KEY(case_id) REFERENCES cases (id) ON DELETE CASCADE, 
	CONSTRAINT fk_truths_user_id_users FOREIGN KEY(user_id) REFERENCES users (id)
);
INSERT INTO "truths" VALUES(1,1,'mortality','survival','simulated',1,'2026-11-21 18:49:05.000000');
CREATE TABLE users (
	id INTEGER NOT NULL, 
	name VARCHAR NOT NULL, 
	role VARCHAR NOT NULL, 
	password VARCHAR, 
	read_first BOOLEAN NOT NULL, 
	at DATETIME NOT NULL, switched DATETIME, 
	CONSTRAINT pk_users PRIMARY KEY (id), 
	CONSTRAINT uq_users_name UNIQUE (name)
);
INSERT INTO "users" VALUES(1,'reader','reader',NULL,1,'2026-11-21 15:48:49.055849',NULL);
INSERT INTO "users" VALUES(2,'trainer','trainer',NULL,1,'2026-11-21 15:48:49.055856',NULL);
INSERT INTO "users" VALUES(3,'admin','admin',NULL,1,'2026-11-21 15:48:49.055859',NULL);
CREATE TABLE uses (
	id INTEGER NOT NULL, 
	task VARCHAR NOT NULL, 
	package_id INTEGER NOT NULL, 
	before_id INTEGER, 
	user_id INTEGER, 
	reason VARCHAR NOT NULL, 
	override VARCHAR NOT NULL, 
	at DATETIME NOT NULL, 
	CONSTRAINT pk_uses PRIMARY KEY (id), 
	CONSTRAINT fk_uses_before_id_uses FOREIGN KEY(before_id) REFERENCES uses (id), 
	CONSTRAINT fk_uses_package_id_package_versions FOREIGN KEY(package_id) REFERENCES package_versions (id), 
	CONSTRAINT fk_uses_user_id_users FOREIGN KEY(user_id) REFERENCES users (id)
);
INSERT INTO "uses" VALUES(1,'mortality',1,NULL,2,'first','','2026-11-21 15:49:04.309936');
CREATE INDEX ix_audit_subject ON audit (subject);
CREATE INDEX ix_cases_age_years_id ON cases (age_years, id);
CREATE INDEX ix_cases_kind_received_id ON cases (kind, received, id);
CREATE INDEX ix_cases_kind_state_received_id ON cases (kind, state, received, id);
CREATE INDEX ix_cases_patient_id_id ON cases (patient_id, id);
CREATE INDEX ix_cases_received_id ON cases (received, id);
CREATE INDEX ix_cases_running ON cases (running);
CREATE INDEX ix_cases_state_received_id ON cases (state, received, id);
CREATE INDEX ix_cases_task_state_received_id ON cases (task, state, received, id);
CREATE INDEX ix_jobs_state_lease_id ON jobs (state, lease, id);
CREATE INDEX ix_inputs_case_id ON inputs (case_id);
CREATE INDEX ix_inputs_sha256 ON inputs (sha256);
CREATE INDEX ix_uses_task_id ON uses (task, id);
CREATE INDEX ix_reviews_case_id_user_id_task_stage ON reviews (case_id, user_id, task, stage);
CREATE INDEX ix_reviews_task_stage ON reviews (task, stage);
CREATE UNIQUE INDEX uq_reviews_first ON reviews (user_id, case_id, task) WHERE stage = 'first';
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit is only added to'); END;
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit is only added to'); END;
CREATE TRIGGER reviews_no_update BEFORE UPDATE ON reviews BEGIN SELECT RAISE(ABORT, 'a read is never changed'); END;
CREATE TRIGGER reviews_no_delete BEFORE DELETE ON reviews BEGIN SELECT RAISE(ABORT, 'a read is never changed'); END;
CREATE INDEX ix_truths_case_id_task ON truths (case_id, task);
CREATE INDEX ix_exercise_cases_case_id ON exercise_cases (case_id);
CREATE INDEX ix_exercise_readers_user_id ON exercise_readers (user_id);
COMMIT;
